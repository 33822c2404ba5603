/* SPDX-License-Identifier: MIT
 *
 * list_yaml.c: the nodes of a configuration of Clash or mihomo: `proxies:` with a sequence of mappings, in YAML's block or
 * flow style. It is read event by event, so that nothing of it is kept but one node.
 */
#include "base/fail.h"
#include "lists/members.h"
#include <string.h>
#include <yaml.h>

enum { DEPTH_MAX = 64, ROOM = 2 * PXT_LIST_LINE_MAX };

struct yaml_list {
    struct pxt_list *list;
    yaml_parser_t parser;
    yaml_event_t event;
    bool has_event;
    pxt_status status;
    struct pxt_members members;
    char type[16], name[64];
    bool tls, refused;
    char room[ROOM];
};

static int read_bytes(void *arg, unsigned char *bytes, size_t size, size_t *n)
{
    struct pxt_list *list = arg;
    *n = fread(bytes, 1, size, list->stream);
    return 1;
}

static void malformed(struct yaml_list *yaml, const char *problem)
{
    if (!yaml->status)
        yaml->status = pxt_fail(yaml->list->error, PXT_EINVAL, 0, "%s:%zu:%zu: malformed YAML: %s", yaml->list->path,
                                yaml->parser.problem_mark.line + 1, yaml->parser.problem_mark.column + 1, problem);
}

/* The next event; NONE once something failed. */
static yaml_event_type_t next(struct yaml_list *yaml)
{
    if (yaml->has_event)
        yaml_event_delete(&yaml->event);
    yaml->has_event = false;
    if (yaml->status)
        return YAML_NO_EVENT;
    if (!yaml_parser_parse(&yaml->parser, &yaml->event)) {
        if (yaml->parser.error == YAML_MEMORY_ERROR)
            yaml->status = pxt_fail_memory(yaml->list->error, "YAML");
        else
            malformed(yaml, yaml->parser.problem ? yaml->parser.problem : "it cannot be read");
        return YAML_NO_EVENT;
    }
    yaml->has_event = true;
    return yaml->event.type;
}

/* Passes over the node whose first event is the current one. */
static void skip_node(struct yaml_list *yaml)
{
    unsigned depth = 0;
    for (yaml_event_type_t type = yaml->event.type; !yaml->status; type = next(yaml)) {
        if (type == YAML_MAPPING_START_EVENT || type == YAML_SEQUENCE_START_EVENT)
            depth++;
        else if (type == YAML_MAPPING_END_EVENT || type == YAML_SEQUENCE_END_EVENT)
            depth--;
        if (depth > DEPTH_MAX)
            malformed(yaml, "nesting too deep");
        if (!depth)
            return;
    }
}

/* ---- one node ---------------------------------------------------------------------------------------------------- */

static void take_value(struct yaml_list *yaml)
{
    const char *text = (const char *)yaml->event.data.scalar.value;
    size_t length = yaml->event.data.scalar.length;
    struct pxt_list_name known = pxt_list_name(yaml->name, strlen(yaml->name));
    bool null = yaml->event.data.scalar.plain_implicit && (!length || !strcmp(text, "null") || !strcmp(text, "~"));
    if (!strcmp(yaml->name, "type")) {
        snprintf(yaml->type, sizeof yaml->type, "%.*s", (int)(length < 15 ? length : 15), text);
        return;
    }
    if (!strcmp(yaml->name, "tls"))
        yaml->tls = !strcasecmp(text, "true") || !strcasecmp(text, "yes") || !strcasecmp(text, "on");
    if (null || known.kind == PXT_NAME_OTHER || yaml->refused)
        return;
    const char *kept = pxt_members_keep(&yaml->members, text, length);
    if (!kept)
        snprintf(yaml->members.problem, sizeof yaml->members.problem, "the node is longer than 256 KiB");
    yaml->refused = !kept || !pxt_members_set(&yaml->members, &known, yaml->name, kept, length, false);
}

/* Clash's http node with `tls: true` is a proxy that is spoken to through TLS. */
static bool set_scheme(struct yaml_list *yaml)
{
    static const char *const types[] = {"http", "https", "socks4", "socks4a", "socks5", "socks5h", NULL};
    const char *type = yaml->tls && !strcasecmp(yaml->type, "http") ? "https" : yaml->type;
    for (const char *const *known = types; *known; known++)
        if (!strcasecmp(*known, type)) {
            strcpy(yaml->members.scheme, *known);
            return !yaml->tls || !strcmp(*known, "https");
        }
    return !*type && !yaml->tls;
}

static void finish_node(struct yaml_list *yaml)
{
    struct pxt_list *list = yaml->list;
    struct pxt_members *members = &yaml->members;
    if (!yaml->refused && !set_scheme(yaml)) {
        snprintf(members->problem, sizeof members->problem, "a node of this \"type\" is no HTTP or SOCKS proxy%s",
                 yaml->tls ? " that proxtier knows with TLS" : "");
        yaml->refused = true;
    }
    if (yaml->refused || !pxt_members_finish(members))
        list->refuse(list->arg, members->record.line, members->record.column, members->problem);
    else
        yaml->status = list->take(list->arg, &members->record);
}

static void start_node(struct yaml_list *yaml)
{
    const yaml_mark_t *mark = &yaml->event.start_mark;
    pxt_members_start(&yaml->members, mark->line + 1, mark->column + 1, NULL,
                      (struct pxt_list_room){yaml->room, yaml->room + sizeof yaml->room});
    yaml->type[0] = '\0';
    yaml->tls = yaml->refused = false;
}

/* A mapping, up to its end. */
static void read_mapping(struct yaml_list *yaml)
{
    start_node(yaml);
    while (next(yaml) != YAML_MAPPING_END_EVENT && !yaml->status) {
        bool named = yaml->event.type == YAML_SCALAR_EVENT;
        if (named)
            snprintf(yaml->name, sizeof yaml->name, "%.63s", (const char *)yaml->event.data.scalar.value);
        else
            skip_node(yaml);
        if (next(yaml) == YAML_SCALAR_EVENT && named)
            take_value(yaml);
        else if (!yaml->status)
            skip_node(yaml);
    }
    if (!yaml->status)
        finish_node(yaml);
}

/* A text is an address in any form. */
static void read_address(struct yaml_list *yaml)
{
    start_node(yaml);
    yaml->members.record.url = (const char *)yaml->event.data.scalar.value;
    yaml->members.record.url_length = yaml->event.data.scalar.length;
    yaml->status = yaml->list->take(yaml->list->arg, &yaml->members.record);
}

/* ---- the document ------------------------------------------------------------------------------------------------ */

static void read_nodes(struct yaml_list *yaml)
{
    while (next(yaml) != YAML_SEQUENCE_END_EVENT && !yaml->status) {
        const yaml_mark_t mark = yaml->event.start_mark;
        if (yaml->event.type == YAML_MAPPING_START_EVENT) {
            read_mapping(yaml);
        } else if (yaml->event.type == YAML_SCALAR_EVENT) {
            read_address(yaml);
        } else {
            skip_node(yaml);
            yaml->list->refuse(yaml->list->arg, mark.line + 1, mark.column + 1, "a mapping or a text is expected");
        }
    }
}

/* Whether the scalar is the name under which Clash has its nodes. */
static bool names_the_nodes(const yaml_event_t *event)
{
    const char *name = event->type == YAML_SCALAR_EVENT ? (const char *)event->data.scalar.value : "";
    return !strcmp(name, "proxies") || !strcmp(name, "Proxy");
}

/* Returns whether there were nodes. */
static bool read_configuration(struct yaml_list *yaml)
{
    bool any = false;
    while (next(yaml) != YAML_MAPPING_END_EVENT && !yaml->status) {
        bool nodes = names_the_nodes(&yaml->event);
        skip_node(yaml);
        yaml_event_type_t type = next(yaml);
        if (nodes && type == YAML_SEQUENCE_START_EVENT)
            read_nodes(yaml);
        else if (!yaml->status)
            skip_node(yaml);
        any |= nodes;
    }
    return any;
}

static void read_documents(struct yaml_list *yaml)
{
    bool any = false;
    yaml_event_type_t type;
    while ((type = next(yaml)) != YAML_STREAM_END_EVENT && !yaml->status) {
        if (type == YAML_MAPPING_START_EVENT) {
            any |= read_configuration(yaml);
        } else if (type == YAML_SEQUENCE_START_EVENT) {
            any = true;
            read_nodes(yaml);
        }
    }
    if (!any && !yaml->status)
        yaml->status =
            pxt_fail(yaml->list->error, PXT_EINVAL, 0,
                     "%s:1:1: a sequence of proxies, or a mapping with `proxies:`, is expected", yaml->list->path);
}

pxt_status pxt_list_read_yaml(struct pxt_list *list)
{
    struct yaml_list *yaml = pxt_alloc(sizeof *yaml);
    if (!yaml || !yaml_parser_initialize(&yaml->parser)) {
        pxt_free(yaml);
        return pxt_fail_memory(list->error, "a list");
    }
    yaml->list = list;
    yaml_parser_set_encoding(&yaml->parser, YAML_UTF8_ENCODING);
    yaml_parser_set_input(&yaml->parser, read_bytes, list);
    read_documents(yaml);
    if (yaml->has_event)
        yaml_event_delete(&yaml->event);
    pxt_status status = yaml->status;
    yaml_parser_delete(&yaml->parser);
    explicit_bzero(yaml, sizeof *yaml);
    pxt_free(yaml);
    return status;
}
