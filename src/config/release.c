#include <string.h>

#include "base/memory.h"
#include "config/model.h"

static void release_secret(char **secret) {
    if (*secret != NULL)
        memory_wipe(*secret, strlen(*secret));
    memory_release(secret);
}

static void release_options(struct config_option **options, size_t *count) {
    for (size_t i = 0; i < *count; i++) {
        memory_release(&(*options)[i].name);
        release_secret(&(*options)[i].value);
    }
    memory_release(options);
    *count = 0;
}

static void release_strings(char ***strings, size_t *count) {
    for (size_t i = 0; i < *count; i++)
        memory_release(&(*strings)[i]);
    memory_release(strings);
    *count = 0;
}

void config_source_release(struct config_source *source) {
    memory_release(&source->account);
    memory_release(&source->user);
    memory_release(&source->warehouse);
    memory_release(&source->role);
    release_secret(&source->rsa_key);
    release_secret(&source->rsa_key_passphrase);
    release_secret(&source->password);
    release_secret(&source->token);
    memory_release(&source->host);
    memory_release(&source->protocol);
    memory_release(&source->path);
    release_secret(&source->init_sql);
    memory_release(&source->driver);
    memory_release(&source->entrypoint);
    memory_release(&source->dialect);
    release_options(&source->options, &source->option_count);
    for (size_t i = 0; i < source->fetched_count; i++)
        release_secret(&source->fetched[i]);
    memory_release(&source->fetched);
    *source = (struct config_source){0};
}

static void release_target(struct config_target *target) {
    memory_release(&target->host);
    memory_release(&target->user);
    release_secret(&target->password);
    memory_release(&target->sslmode);
    memory_release(&target->sslrootcert);
    release_secret(&target->url);
    *target = (struct config_target){0};
}

void config_table_release(struct config_table *table) {
    memory_release(&table->source);
    memory_release(&table->target);
    memory_release(&table->source_filter);
    release_strings(&table->chunking_columns, &table->chunking_column_count);
    release_strings(&table->chunking_column_types, &table->chunking_column_type_count);
    release_strings(&table->uniqueness_columns, &table->uniqueness_column_count);
    release_strings(&table->sort_columns, &table->sort_column_count);
    memory_release(&table->source_watermark);
    memory_release(&table->target_watermark);
    release_options(&table->column_mapping, &table->column_mapping_count);
    memory_release(&table->scratch_schema);
    memory_release(&table->json_path);
    *table = (struct config_table){0};
}

void config_feed_release(struct config_feed *feed) {
    memory_release(&feed->source_name);
    memory_release(&feed->source_database);
    memory_release(&feed->source_schema);
    memory_release(&feed->target_database);
    memory_release(&feed->target_schema);
    for (size_t i = 0; i < feed->table_count; i++)
        config_table_release(&feed->tables[i]);
    memory_release(&feed->tables);
    *feed = (struct config_feed){0};
}

void config_release(struct config *config) {
    memory_release(&config->file);
    memory_release(&config->hash);
    config_source_release(&config->source);
    release_target(&config->target);
    for (size_t i = 0; i < config->feed_count; i++)
        config_feed_release(&config->feeds[i]);
    memory_release(&config->feeds);
    *config = (struct config){0};
}
