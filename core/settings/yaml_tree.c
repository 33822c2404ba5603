/* SPDX-License-Identifier: MIT
 *
 * yaml_tree.c: reads YAML through libyaml's events, never through its document loader, which takes quadratic time on
 * hostile nesting. What proxtier has no use for is refused rather than half understood.
 */
#include "settings/yaml_tree.h"
#include "base/fail.h"
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <yaml.h>

enum { DEPTH_MAX = 64, SIZE_MAX_BYTES = 1 << 20 };

struct builder {
    yaml_parser_t parser;
    const char *file;
    const char *text;
    size_t length;
    struct pxt_error *error;
    pxt_status status;
};

pxt_status pxt_yaml_fail(struct pxt_error *error, const struct pxt_yaml_node *at, const char *format, ...)
{
    char message[800];
    va_list args;
    va_start(args, format);
    vsnprintf(message, sizeof message, format, args);
    va_end(args);
    return pxt_fail(error, PXT_ECONFIG, 0, "%s:%u:%u: %s", at->file, at->line, at->column, message);
}

static void fail_at(struct builder *builder, yaml_mark_t mark, const char *message)
{
    if (!builder->status)
        builder->status = pxt_fail(builder->error, PXT_ECONFIG, 0, "%s:%zu:%zu: %s", builder->file, mark.line + 1,
                                   mark.column + 1, message);
}

void pxt_yaml_free(struct pxt_yaml_node *node)
{
    if (!node)
        return;
    for (size_t i = 0; i < node->count; i++) {
        pxt_yaml_free(node->child[i]);
        if (node->name)
            pxt_yaml_free(node->name[i]);
    }
    pxt_free(node->child);
    pxt_free(node->name);
    pxt_free(node->scalar);
    pxt_free(node);
}

/* The byte at a mark, whose column counts characters; '\0' at the end. */
static char byte_at(const struct builder *builder, yaml_mark_t mark)
{
    const char *at = builder->text, *end = at + builder->length;
    for (size_t line = 0; line < mark.line && at < end; line++) {
        const char *newline = memchr(at, '\n', (size_t)(end - at));
        at = newline ? newline + 1 : end;
    }
    for (size_t column = 0; at < end && (column < mark.column || (*at & 0xc0) == 0x80); at++)
        column += (*at & 0xc0) != 0x80;
    return at < end ? *at : '\0';
}

/* Says in plain words what libyaml found, and where that began. */
static void fail_parse(struct builder *builder)
{
    const yaml_parser_t *parser = &builder->parser;
    const char *problem = parser->problem ? parser->problem : "malformed YAML";
    const char *context = parser->context ? parser->context : "";
    yaml_mark_t began = parser->context_mark, mark = parser->problem_mark;
    char message[300], start[60] = "";
    if (parser->error == YAML_MEMORY_ERROR) {
        builder->status = pxt_fail_memory(builder->error, "the configuration");
        return;
    }
    if (*context && (began.line != mark.line || began.column != mark.column))
        snprintf(start, sizeof start, ", which began at %zu:%zu", began.line + 1, began.column + 1);
    if (byte_at(builder, mark) == '\t')
        snprintf(message, sizeof message, "a tab stands where YAML allows only blanks: indent with blanks");
    else if (strstr(context, "quoted scalar") && strstr(problem, "end of stream"))
        snprintf(message, sizeof message, "the file ends within quotes%s: close them", start);
    else
        snprintf(message, sizeof message, "%s%s%s%s", problem, *context ? " " : "", context, start);
    fail_at(builder, mark, message);
}

static bool next_event(struct builder *builder, yaml_event_t *event)
{
    if (yaml_parser_parse(&builder->parser, event))
        return true;
    fail_parse(builder);
    return false;
}

static struct pxt_yaml_node *new_node(struct builder *builder, enum pxt_yaml_kind kind, yaml_mark_t mark)
{
    struct pxt_yaml_node *node = pxt_alloc(sizeof *node);
    if (!node) {
        builder->status = pxt_fail_memory(builder->error, "the configuration");
        return NULL;
    }
    node->kind = kind;
    node->file = builder->file;
    node->line = (unsigned)mark.line + 1;
    node->column = (unsigned)mark.column + 1;
    return node;
}

static struct pxt_yaml_node *build(struct builder *builder, yaml_event_t *event, unsigned depth);

static struct pxt_yaml_node *build_scalar(struct builder *builder, yaml_event_t *event)
{
    if (event->data.scalar.anchor ||
        (event->data.scalar.tag && !event->data.scalar.plain_implicit && !event->data.scalar.quoted_implicit)) {
        fail_at(builder, event->start_mark, "anchors and tags are not supported: write the value itself");
        return NULL;
    }
    if (memchr(event->data.scalar.value, '\0', event->data.scalar.length)) {
        fail_at(builder, event->start_mark, "a NUL character in a value");
        return NULL;
    }
    struct pxt_yaml_node *node = new_node(builder, PXT_YAML_SCALAR, event->start_mark);
    if (!node)
        return NULL;
    node->plain = event->data.scalar.style == YAML_PLAIN_SCALAR_STYLE;
    node->scalar = pxt_strndup((const char *)event->data.scalar.value, event->data.scalar.length);
    if (!node->scalar) {
        builder->status = pxt_fail_memory(builder->error, "the configuration");
        pxt_yaml_free(node);
        return NULL;
    }
    return node;
}

/* Makes room for one more element; doubled each time, so that long maps take linear time. */
static bool make_room(struct pxt_yaml_node ***array, size_t count)
{
    if (count & (count - 1)) /* there is room up to the next power of two */
        return true;
    struct pxt_yaml_node **grown = pxt_realloc(*array, (count ? 2 * count : 1) * sizeof(*grown));
    if (grown)
        *array = grown;
    return grown != NULL;
}

/* Takes ownership of `name` and `child`. */
static bool append(struct builder *builder, struct pxt_yaml_node *node, struct pxt_yaml_node *name,
                   struct pxt_yaml_node *child)
{
    if (!make_room(&node->child, node->count) || (name && !make_room(&node->name, node->count))) {
        builder->status = pxt_fail_memory(builder->error, "the configuration");
        pxt_yaml_free(name);
        pxt_yaml_free(child);
        return false;
    }
    node->child[node->count] = child;
    if (name)
        node->name[node->count] = name;
    node->count++;
    return true;
}

static struct pxt_yaml_node *build_next(struct builder *builder, unsigned depth, yaml_event_type_t end, bool *ended)
{
    yaml_event_t event;
    if (!next_event(builder, &event))
        return NULL;
    *ended = event.type == end;
    struct pxt_yaml_node *node = *ended ? NULL : build(builder, &event, depth);
    yaml_event_delete(&event);
    return node;
}

static bool build_list(struct builder *builder, struct pxt_yaml_node *list, unsigned depth)
{
    for (;;) {
        bool ended = false;
        struct pxt_yaml_node *child = build_next(builder, depth + 1, YAML_SEQUENCE_END_EVENT, &ended);
        if (ended)
            return true;
        if (!child || !append(builder, list, NULL, child))
            return false;
    }
}

static int by_name_and_place(const void *a, const void *b)
{
    const struct pxt_yaml_node *one = *(struct pxt_yaml_node *const *)a, *other = *(struct pxt_yaml_node *const *)b;
    int order = strcmp(one->scalar, other->scalar);
    if (order)
        return order;
    return one->line != other->line ? (one->line > other->line) - (one->line < other->line)
                                    : (one->column > other->column) - (one->column < other->column);
}

/* Sorts the names of a map to find those that are given twice: comparing each with each is slow for long maps. */
static bool check_names(struct builder *builder, const struct pxt_yaml_node *map)
{
    const struct pxt_yaml_node *twice = NULL, *first = NULL;
    struct pxt_yaml_node **sorted = pxt_alloc_array(map->count + 1, sizeof(*sorted));
    if (!sorted) {
        builder->status = pxt_fail_memory(builder->error, "the configuration");
        return false;
    }
    if (map->count)
        memcpy(sorted, map->name, map->count * sizeof(*sorted));
    qsort(sorted, map->count, sizeof(*sorted), by_name_and_place);
    for (size_t i = 1; i < map->count && !twice; i++)
        if (!strcmp(sorted[i - 1]->scalar, sorted[i]->scalar)) {
            first = sorted[i - 1];
            twice = sorted[i];
        }
    pxt_free(sorted);
    if (twice)
        builder->status =
            pxt_yaml_fail(builder->error, twice, "\"%s\" is given twice: first in line %u", twice->scalar, first->line);
    return !twice;
}

static bool build_map(struct builder *builder, struct pxt_yaml_node *map, unsigned depth)
{
    for (;;) {
        bool ended = false;
        struct pxt_yaml_node *name = build_next(builder, depth + 1, YAML_MAPPING_END_EVENT, &ended);
        if (ended)
            return check_names(builder, map);
        if (!name)
            return false;
        if (name->kind != PXT_YAML_SCALAR)
            builder->status = pxt_yaml_fail(builder->error, name, "a name is expected, not a list or map");
        struct pxt_yaml_node *child = builder->status ? NULL : build_next(builder, depth + 1, YAML_NO_EVENT, &ended);
        if (!child) {
            pxt_yaml_free(name);
            return false;
        }
        if (!append(builder, map, name, child))
            return false;
    }
}

static struct pxt_yaml_node *build(struct builder *builder, yaml_event_t *event, unsigned depth)
{
    struct pxt_yaml_node *node;
    bool good;
    if (depth > DEPTH_MAX) {
        fail_at(builder, event->start_mark, "nested more than 64 deep");
        return NULL;
    }
    switch (event->type) {
    case YAML_SCALAR_EVENT:
        return build_scalar(builder, event);
    case YAML_SEQUENCE_START_EVENT:
        if (event->data.sequence_start.anchor || event->data.sequence_start.tag) {
            fail_at(builder, event->start_mark, "anchors and tags are not supported: write the list itself");
            return NULL;
        }
        node = new_node(builder, PXT_YAML_LIST, event->start_mark);
        good = node && build_list(builder, node, depth);
        break;
    case YAML_MAPPING_START_EVENT:
        if (event->data.mapping_start.anchor || event->data.mapping_start.tag) {
            fail_at(builder, event->start_mark, "anchors and tags are not supported: write the members themselves");
            return NULL;
        }
        node = new_node(builder, PXT_YAML_MAP, event->start_mark);
        good = node && build_map(builder, node, depth);
        break;
    default:
        fail_at(builder, event->start_mark, "aliases are not supported: write the value itself");
        return NULL;
    }
    if (!good) {
        pxt_yaml_free(node);
        return NULL;
    }
    return node;
}

/* Stream start, document start, the node, document end, stream end; or an empty stream. */
static struct pxt_yaml_node *build_document(struct builder *builder)
{
    struct pxt_yaml_node *root = NULL;
    yaml_event_t event;
    for (bool more = true; more && !builder->status;) {
        if (!next_event(builder, &event))
            break;
        switch (event.type) {
        case YAML_STREAM_START_EVENT:
        case YAML_DOCUMENT_END_EVENT:
            break;
        case YAML_STREAM_END_EVENT:
            more = false;
            break;
        case YAML_DOCUMENT_START_EVENT:
            if (root)
                fail_at(builder, event.start_mark, "a second document: one file is one configuration");
            break;
        default:
            root = build(builder, &event, 1);
        }
        yaml_event_delete(&event);
    }
    if (builder->status) {
        pxt_yaml_free(root);
        return NULL;
    }
    return root ? root : new_node(builder, PXT_YAML_MAP, (yaml_mark_t){0, 0, 0});
}

pxt_status pxt_yaml_read_text(const char *text, size_t length, const char *file, struct pxt_yaml_node **out,
                              struct pxt_error *error)
{
    struct builder builder = {.file = file, .text = text, .length = length, .error = error};
    if (length > SIZE_MAX_BYTES)
        return pxt_fail(error, PXT_ECONFIG, 0, "%s is larger than 1 MiB: no configuration is", file);
    if (!yaml_parser_initialize(&builder.parser))
        return pxt_fail_memory(error, "the YAML parser");
    yaml_parser_set_encoding(&builder.parser, YAML_UTF8_ENCODING);
    yaml_parser_set_input_string(&builder.parser, (const unsigned char *)text, length);
    *out = build_document(&builder);
    yaml_parser_delete(&builder.parser);
    if (*out && (*out)->kind == PXT_YAML_SCALAR && !*(*out)->scalar && (*out)->plain)
        (*out)->kind = PXT_YAML_MAP; /* a file of comments */
    return builder.status;
}

static pxt_status read_file(const char *path, char **text, size_t *length, struct pxt_error *error)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
    if (fd < 0)
        return pxt_fail(error, PXT_ECONFIG, errno, "cannot open configuration %s", path);
    struct stat file;
    pxt_status status = PXT_OK;
    *text = NULL;
    *length = 0;
    if (fstat(fd, &file) || !S_ISREG(file.st_mode))
        status = pxt_fail(error, PXT_ECONFIG, 0, "configuration %s is not a regular file", path);
    else if (!(*text = pxt_alloc(SIZE_MAX_BYTES + 1)))
        status = pxt_fail_memory(error, "the configuration");
    while (!status && *length <= SIZE_MAX_BYTES) {
        ssize_t n = read(fd, *text + *length, SIZE_MAX_BYTES + 1 - *length);
        if (n < 0 && errno != EINTR)
            status = pxt_fail(error, PXT_ECONFIG, errno, "cannot read configuration %s", path);
        if (!n)
            break;
        *length += n > 0 ? (size_t)n : 0;
    }
    close(fd);
    return status;
}

pxt_status pxt_yaml_read_file(const char *path, struct pxt_yaml_node **out, struct pxt_error *error)
{
    char *text = NULL;
    size_t length = 0;
    pxt_status status = read_file(path, &text, &length, error);
    if (!status)
        status = pxt_yaml_read_text(text, length, path, out, error);
    pxt_free(text);
    return status;
}

const struct pxt_yaml_node *pxt_yaml_member(const struct pxt_yaml_node *map, const char *name)
{
    for (size_t i = 0; map && map->kind == PXT_YAML_MAP && i < map->count; i++)
        if (!strcmp(map->name[i]->scalar, name))
            return map->child[i];
    return NULL;
}
