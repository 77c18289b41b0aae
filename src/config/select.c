/* Keeping a part of the configuration. */
#include <ctype.h>
#include <string.h>

#include "base/memory.h"
#include "config/model.h"

struct names {
    char **list;
    bool *used;
    size_t count;
};

static void names_add(struct names *names, struct buffer *name, bool quoted) {
    while (!quoted && name->length > 0 && isspace((unsigned char)name->data[name->length - 1]))
        name->data[--name->length] = '\0';
    if (name->length > 0) {
        names->list = memory_resize(names->list, names->count + 1, sizeof(*names->list));
        names->list[names->count++] = buffer_steal(name);
    }
    buffer_clear(name);
}

/* "a, b,"c,d"": blanks around a name don't count; in double quotes they and commas do, and "" is a quote. */
static struct names names_parse(const char *text) {
    struct names names = {0};
    struct buffer name = {0};
    for (const char *at = text; *at != '\0';) {
        bool quoted = false;
        while (isspace((unsigned char)*at))
            at++;
        if (*at == '"') {
            quoted = true;
            for (at++; *at != '\0' && (at[0] != '"' || at[1] == '"'); at++) {
                buffer_append_char(&name, *at);
                at += at[0] == '"';
            }
            at += *at == '"';
        }
        while (*at != '\0' && *at != ',') {
            if (!quoted)
                buffer_append_char(&name, *at);
            at++;
        }
        at += *at == ',';
        names_add(&names, &name, quoted);
    }
    buffer_release(&name);
    names.used = memory_array(names.count + 1, sizeof(*names.used));
    return names;
}

static void names_release(struct names *names) {
    for (size_t i = 0; i < names->count; i++)
        memory_release(&names->list[i]);
    memory_release(&names->list);
    memory_release(&names->used);
}

static bool names_take(struct names *names, const char *name) {
    bool found = false;
    for (size_t i = 0; i < names->count; i++)
        if (strcmp(names->list[i], name) == 0)
            found = names->used[i] = true;
    return found;
}

/* Error for the first name that nothing had. */
static bool names_check(const struct names *names, const char *what, const char *const *existing, size_t count,
                        struct error *error) {
    for (size_t i = 0; i < names->count; i++) {
        if (names->used[i])
            continue;
        const char *nearest = config_nearest(names->list[i], existing, count);
        error_set(error, ERROR_CONFIG, "there is no enabled %s \"%s\" in the configuration", what, names->list[i]);
        return nearest != NULL ? error_hint(error, "did you mean \"%s\"?", nearest) : false;
    }
    if (names->count == 0)
        return error_set(error, ERROR_CONFIG, "the list of %ss is empty", what);
    return true;
}

static bool select_sources(struct config *config, const char *list, struct error *error) {
    struct names names = names_parse(list);
    const char **existing = memory_array(config->feed_count + 1, sizeof(*existing));
    size_t count = config->feed_count, kept = 0;
    bool *keep = memory_array(count + 1, sizeof(*keep));
    for (size_t i = 0; i < count; i++) {
        existing[i] = config->feeds[i].source_name;
        keep[i] = names_take(&names, existing[i]);
    }
    bool good = names_check(&names, "source", existing, count, error);
    for (size_t i = 0; good && i < count; i++) {
        if (keep[i])
            config->feeds[kept++] = config->feeds[i];
        else
            config_feed_release(&config->feeds[i]);
    }
    if (good)
        config->feed_count = kept;
    memory_release(&keep);
    memory_release(&existing);
    names_release(&names);
    return good;
}

/* A table is meant by its name in the source or in the target. */
static bool is_meant(struct names *names, const struct config_table *table) {
    bool by_source = names_take(names, table->source), by_target = names_take(names, table->target);
    return by_source || by_target;
}

static void drop_unmeant(struct config *config, struct names *names) {
    size_t feeds = 0;
    for (size_t i = 0; i < config->feed_count; i++) {
        struct config_feed *feed = &config->feeds[i];
        size_t kept = 0;
        for (size_t j = 0; j < feed->table_count; j++) {
            if (is_meant(names, &feed->tables[j]))
                feed->tables[kept++] = feed->tables[j];
            else
                config_table_release(&feed->tables[j]);
        }
        feed->table_count = kept;
        if (kept == 0)
            config_feed_release(feed);
        else
            config->feeds[feeds++] = *feed;
    }
    config->feed_count = feeds;
}

static bool select_tables(struct config *config, const char *list, struct error *error) {
    struct names names = names_parse(list);
    size_t count = 0;
    for (size_t i = 0; i < config->feed_count; i++)
        count += config->feeds[i].table_count;
    const char **existing = memory_array(count + 1, sizeof(*existing));
    count = 0;
    for (size_t i = 0; i < config->feed_count; i++) {
        for (size_t j = 0; j < config->feeds[i].table_count; j++) {
            existing[count++] = config->feeds[i].tables[j].source;
            is_meant(&names, &config->feeds[i].tables[j]);
        }
    }
    bool good = names_check(&names, "table", existing, count, error);
    if (good)
        drop_unmeant(config, &names);
    memory_release(&existing);
    names_release(&names);
    return good;
}

bool config_select(struct config *config, const char *source_names, const char *table_names, struct error *error) {
    if (source_names != NULL && !select_sources(config, source_names, error))
        return false;
    return table_names == NULL || select_tables(config, table_names, error);
}
