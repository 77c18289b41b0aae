#include "run/create.h"

#include <string.h>

#include "base/memory.h"
#include "target/create.h"

/* Roles that may make something are the database's owner's to name. */
static bool refuse_privilege(const struct run_table *table, const struct target_refusals *refusals,
                             const struct target_connection *target, struct error *error) {
    const char *schema = table->feed->target_schema;
    struct buffer grant = {0};
    buffer_appendf(&grant, "GRANT CREATE ON %s ", refusals->schema_missing ? "DATABASE" : "SCHEMA");
    target_identifier(&grant, refusals->schema_missing ? target->database : schema);
    buffer_append(&grant, " TO ");
    target_identifier(&grant, refusals->role);
    if (refusals->schema_missing)
        error_set_code(
            error, ERROR_CONFIG, "42501",
            "the target schema \"%s\" is missing, and the role \"%s\" may not make it in the database \"%s\"", schema,
            refusals->role, target->database);
    else
        error_set_code(error, ERROR_CONFIG, "42501",
                       "the target \"%s\".\"%s\" is missing, and the role \"%s\" may not make tables in that schema",
                       schema, table->config->target, refusals->role);
    error_hint(error, "%s; or make the %s yourself", buffer_string(&grant),
               refusals->schema_missing ? "schema" : "table");
    buffer_release(&grant);
    return false;
}

bool create_design_target(struct run_mapping *mapping, const struct run_table *table, const struct dialect *dialect,
                          const struct target_refusals *refusals, struct error *error) {
    const char *schema = table->feed->target_schema;
    struct buffer create = {0}, comments = {0};
    if (!create_design(&mapping->target, &mapping->source, dialect, table->config, schema, false, error))
        return error_context(error, "the target \"%s\".\"%s\" can't be made", schema, table->config->target);
    create_statement(&create, &mapping->target, table->config);
    create_comments(&comments, &mapping->target, &mapping->source, table->config);
    mapping->create_sql = buffer_steal(&create);
    mapping->comments_sql = buffer_steal(&comments);
    mapping->create_schema = refusals->schema_missing;
    return true;
}

bool create_find_target(struct run_mapping *mapping, const struct run_table *table, const struct dialect *dialect,
                        struct target_connection *target, struct error *error) {
    const struct config_table *config = table->config;
    struct target_refusals *refusals = memory_allocate(sizeof *refusals);
    bool found = target_examine(target, table->feed->target_schema, config->target, config->truncate_onstart,
                                &mapping->target, refusals, error);
    bool make = found && refusals->missing && refusals->count == 1 && config->create_target;
    if (make && !refusals->may_create) {
        found = refuse_privilege(table, refusals, target, error);
    } else if (make) {
        found = create_design_target(mapping, table, dialect, refusals, error);
    } else if (found && refusals->count > 0) {
        *error = refusals->list[0];
        if (refusals->missing && !config->create_target && refusals->count == 1 && error->hint[0] == '\0')
            error_hint(error, "create it first, or set create_target");
        target_table_release(&mapping->target);
        found = false;
    }
    memory_release(&refusals);
    return found;
}

bool create_compare(const struct run_mapping *first, const struct run_table *first_table,
                    const struct run_mapping *other, struct error *error) {
    if (first->create_sql == NULL || other->create_sql == NULL || strcmp(first->create_sql, other->create_sql) == 0)
        return true;
    error_set(error, ERROR_CONFIG,
              "the target \"%s\".\"%s\" is to be made, but as %s describes it, it isn't what this table describes",
              other->target.schema, other->target.name, first_table->label);
    return error_hint(error, "make the target yourself, with the columns of all tables that feed it");
}

/* Two that make one schema at once: the second waits for the first, and then finds it there. */
static bool make_schema(struct target_connection *target, const char *schema, struct error *error) {
    const char *parameters[] = {schema};
    struct buffer sql = {0};
    buffer_append(&sql, "CREATE SCHEMA IF NOT EXISTS ");
    target_identifier(&sql, schema);
    bool done = target_query(target, "SELECT pg_advisory_xact_lock(hashtextextended('thaw schema ' || $1::text, 0))", 1,
                             parameters, NULL, error) &&
                target_execute(target, buffer_string(&sql), error);
    buffer_release(&sql);
    return done;
}

bool create_target_table(struct target_connection *target, const struct run_mapping *mapping, struct error *error) {
    if (mapping->create_schema && !make_schema(target, mapping->target.schema, error))
        return error_context(error, "making the schema \"%s\"", mapping->target.schema);
    if (target_execute(target, mapping->create_sql, error) &&
        (mapping->comments_sql[0] == '\0' || target_execute(target, mapping->comments_sql, error)))
        return true;
    /* Others make tables, too: 42P07 where theirs is there already, 23505 where it came while ours was being made. */
    if (strcmp(error->code, "42P07") == 0 || strcmp(error->code, "23505") == 0)
        error->kind = ERROR_TRANSIENT;
    return error_context(error, "making the target \"%s\".\"%s\"", mapping->target.schema, mapping->target.name);
}
