#include "config/environment.h"

#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/memory.h"
#include "config/tree.h"

enum { ENV_FILE_LIMIT = 1024 * 1024, NESTING_LIMIT = 16 };

bool config_read_file(const char *file, size_t limit, struct buffer *text, const char **reason) {
    FILE *stream = fopen(file, "rbe");
    struct stat status;
    if (stream == NULL || fstat(fileno(stream), &status) != 0) {
        *reason = strerror(errno);
        if (stream != NULL)
            fclose(stream);
        return false;
    }
    *reason = NULL;
    char piece[16384];
    size_t length = 0;
    if (S_ISDIR(status.st_mode))
        *reason = "it is a directory";
    while (*reason == NULL && (length = fread(piece, 1, sizeof piece, stream)) > 0) {
        buffer_append_bytes(text, piece, length);
        if (text->length > limit)
            *reason = "it is too large";
    }
    if (*reason == NULL && ferror(stream))
        *reason = strerror(errno);
    memory_wipe(piece, sizeof piece);
    fclose(stream);
    return *reason == NULL;
}

/* ---- the .env file ------------------------------------------------------------------------------------------------ */

struct env_parser {
    const char *at, *end;
    const char *file;
    int line;
    struct config_problems *problems;
};

static size_t name_length(const char *text, const char *end) {
    const char *at = text;
    if (at < end && (isalpha((unsigned char)*at) || *at == '_'))
        while (at < end && (isalnum((unsigned char)*at) || *at == '_'))
            at++;
    return (size_t)(at - text);
}

static void skip_blanks(struct env_parser *parser) {
    while (parser->at < parser->end && (*parser->at == ' ' || *parser->at == '\t' || *parser->at == '\r'))
        parser->at++;
}

static bool at_line_end(const struct env_parser *parser) {
    return parser->at >= parser->end || *parser->at == '\n';
}

static void skip_line(struct env_parser *parser) {
    while (!at_line_end(parser))
        parser->at++;
    if (parser->at < parser->end)
        parser->at++;
    parser->line++;
}

static void append_escaped(struct env_parser *parser, struct buffer *value) {
    char character = *parser->at;
    switch (character) {
    case 'n':
        buffer_append_char(value, '\n');
        break;
    case 'r':
        buffer_append_char(value, '\r');
        break;
    case 't':
        buffer_append_char(value, '\t');
        break;
    case '"':
    case '\\':
    case '$':
        buffer_append_char(value, character);
        break;
    default: /* not ours to interpret */
        buffer_append_char(value, '\\');
        buffer_append_char(value, character);
    }
    if (character == '\n')
        parser->line++;
    parser->at++;
}

/* False where the closing quote is missing or something follows it. */
static bool parse_quoted(struct env_parser *parser, struct buffer *value) {
    char quote = *parser->at++;
    int opened = parser->line;
    while (parser->at < parser->end && *parser->at != quote) {
        char character = *parser->at++;
        if (character == '\\' && quote == '"' && parser->at < parser->end) {
            append_escaped(parser, value);
            continue;
        }
        if (character == '\n')
            parser->line++;
        buffer_append_char(value, character);
    }
    if (parser->at >= parser->end) {
        problems_add_in_file(parser->problems, parser->file, opened, 0, NULL, "the quote opened here is never closed");
        return false;
    }
    parser->at++;
    skip_blanks(parser);
    if (at_line_end(parser) || *parser->at == '#')
        return true;
    problems_add_in_file(parser->problems, parser->file, parser->line, 0,
                         "inside double quotes a double quote is written \\\"", "something follows the closing quote");
    return false;
}

static void parse_bare(struct env_parser *parser, struct buffer *value) {
    const char *start = parser->at;
    while (!at_line_end(parser)) {
        if (*parser->at == '#' && (parser->at == start || isblank((unsigned char)parser->at[-1])))
            break;
        parser->at++;
    }
    const char *end = parser->at;
    while (end > start && isspace((unsigned char)end[-1]))
        end--;
    buffer_append_bytes(value, start, (size_t)(end - start));
}

static void add_variable(struct environment *environment, const char *name, size_t length, struct buffer *value) {
    environment->variables =
        memory_resize(environment->variables, environment->variable_count + 1, sizeof(*environment->variables));
    environment->variables[environment->variable_count++] =
        (struct config_option){.name = memory_copy_bytes(name, length), .value = buffer_steal(value)};
}

static void parse_assignment(struct environment *environment, struct env_parser *parser) {
    size_t length = name_length(parser->at, parser->end);
    if (length == 6 && memcmp(parser->at, "export", 6) == 0 && parser->at + 6 < parser->end &&
        isblank((unsigned char)parser->at[6])) {
        parser->at += 6;
        skip_blanks(parser);
        length = name_length(parser->at, parser->end);
    }
    const char *name = parser->at;
    parser->at += length;
    skip_blanks(parser);
    if (length == 0 || at_line_end(parser) || *parser->at != '=') {
        problems_add_in_file(parser->problems, parser->file, parser->line, 0,
                             "names are letters, digits and underscores; a value over several lines stands in quotes",
                             "this line is not NAME=VALUE");
        return;
    }
    parser->at++;
    skip_blanks(parser);
    struct buffer value = {0};
    bool good = true;
    if (!at_line_end(parser) && (*parser->at == '"' || *parser->at == '\''))
        good = parse_quoted(parser, &value);
    else
        parse_bare(parser, &value);
    if (good)
        add_variable(environment, name, length, &value);
    buffer_release(&value);
}

void environment_parse(struct environment *environment, const char *file, const char *text, size_t length,
                       struct config_problems *problems) {
    struct env_parser parser = {.at = text, .end = text + length, .file = file, .line = 1, .problems = problems};
    if (length >= 3 && memcmp(text, "\xEF\xBB\xBF", 3) == 0)
        parser.at += 3;
    const char *nul = memchr(text, '\0', length);
    if (nul != NULL) {
        problems_add_in_file(problems, file, 0, 0, NULL, "the file holds NUL bytes: it is not a text file");
        return;
    }
    while (parser.at < parser.end) {
        skip_blanks(&parser);
        if (!at_line_end(&parser) && *parser.at != '#')
            parse_assignment(environment, &parser);
        skip_line(&parser);
    }
}

void environment_load(struct environment *environment, const char *file, struct config_problems *problems) {
    struct buffer text = {0};
    const char *reason;
    if (file == NULL)
        return;
    if (config_read_file(file, ENV_FILE_LIMIT, &text, &reason))
        environment_parse(environment, file, buffer_string(&text), text.length, problems);
    else
        problems_add_in_file(problems, file, 0, 0, NULL, "the environment file can't be read: %s", reason);
    if (text.data != NULL)
        memory_wipe(text.data, text.length);
    buffer_release(&text);
}

void environment_release(struct environment *environment) {
    for (size_t i = 0; i < environment->variable_count; i++) {
        struct config_option *variable = &environment->variables[i];
        memory_release(&variable->name);
        memory_wipe(variable->value, strlen(variable->value));
        memory_release(&variable->value);
    }
    memory_release(&environment->variables);
    *environment = (struct environment){0};
}

const char *environment_get(const struct environment *environment, const char *name) {
    const char *value = getenv(name);
    for (size_t i = environment->variable_count; value == NULL && i > 0; i--)
        if (strcmp(environment->variables[i - 1].name, name) == 0)
            value = environment->variables[i - 1].value;
    return value;
}

/* ---- ${...} ------------------------------------------------------------------------------------------------------- */

/* The brace that closes the reference whose inside begins at `at`; NULL where there is none. */
static const char *closing_brace(const char *at) {
    int depth = 0;
    for (; *at != '\0'; at++) {
        if (at[0] == '$' && at[1] == '{')
            depth++;
        else if (*at == '}' && depth-- == 0)
            return at;
    }
    return NULL;
}

static void substitute(const struct environment *environment, const char *text, const char *end, int depth,
                       struct buffer *out, struct substitution *substitution);

static void fail(struct substitution *substitution, enum substitution_fault fault, const char *name) {
    substitution->failed = true;
    substitution->report(substitution->context, fault, name);
}

/* One reference: what stands between its braces is [at, close). */
static void substitute_reference(const struct environment *environment, const char *at, const char *close, int depth,
                                 struct buffer *out, struct substitution *substitution) {
    size_t length = name_length(at, close);
    const char *rest = at + length;
    bool has_default = close - rest >= 2 && rest[0] == ':' && rest[1] == '-';
    if (length == 0 || (rest != close && !has_default) || depth >= NESTING_LIMIT) {
        fail(substitution, SUBSTITUTION_MALFORMED, NULL);
        return;
    }
    char *name = memory_copy_bytes(at, length);
    const char *value = environment_get(environment, name);
    if (has_default && (value == NULL || *value == '\0'))
        substitute(environment, rest + 2, close, depth + 1, out, substitution);
    else if (value == NULL)
        fail(substitution, SUBSTITUTION_UNSET, name);
    else
        buffer_append(out, value);
    memory_release(&name);
}

static void substitute(const struct environment *environment, const char *text, const char *end, int depth,
                       struct buffer *out, struct substitution *substitution) {
    for (const char *at = text; at < end;) {
        if (end - at >= 3 && memcmp(at, "$${", 3) == 0) {
            buffer_append(out, "${");
            at += 3;
        } else if (end - at >= 2 && memcmp(at, "${", 2) == 0) {
            const char *close = closing_brace(at + 2);
            substitution->referenced = true;
            if (close == NULL || close >= end) {
                fail(substitution, SUBSTITUTION_MALFORMED, NULL);
                return;
            }
            substitute_reference(environment, at + 2, close, depth, out, substitution);
            at = close + 1;
        } else {
            buffer_append_char(out, *at++);
        }
    }
}

void environment_substitute(const struct environment *environment, const char *text, struct buffer *out,
                            struct substitution *substitution) {
    size_t before = out->length, length = strlen(text);
    substitute(environment, text, text + length, 0, out, substitution);
    bool whole = length > 3 && strncmp(text, "${", 2) == 0 && closing_brace(text + 2) == text + length - 1;
    const char *rest = whole ? text + 2 + name_length(text + 2, text + length) : "";
    substitution->nothing = whole && strncmp(rest, ":-", 2) == 0 && out->length == before && !substitution->failed;
}
