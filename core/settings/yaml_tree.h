/* SPDX-License-Identifier: MIT
 *
 * yaml_tree.h: a small, strict subset of YAML, read through libyaml's events into a tree with places.
 */
#ifndef PXT_YAML_TREE_H
#define PXT_YAML_TREE_H

#include <proxtier/error.h>
#include <stdbool.h>

enum pxt_yaml_kind { PXT_YAML_SCALAR, PXT_YAML_MAP, PXT_YAML_LIST };
struct pxt_yaml_node {
    enum pxt_yaml_kind kind;
    bool plain;                   /* a scalar without quotes: `null` and empty mean absent only then */
    const char *file;             /* for messages; shared by all nodes */
    unsigned line, column;        /* from 1 */
    char *scalar;                 /* of a scalar */
    size_t count;                 /* of a map or list */
    struct pxt_yaml_node **child; /* values */
    struct pxt_yaml_node **name;  /* of a map: its keys (scalars), else NULL */
};
/* Reads a document: at most 1 MiB and depth 64; no anchors, aliases, tags, second documents, duplicate keys, NULs.
 * PXT_ECONFIG as file:line:column: message. An empty document gives an empty map. */
pxt_status pxt_yaml_read_text(const char *text, size_t length, const char *file, struct pxt_yaml_node **out,
                              struct pxt_error *error);
pxt_status pxt_yaml_read_file(const char *path, struct pxt_yaml_node **out, struct pxt_error *error);
void pxt_yaml_free(struct pxt_yaml_node *node);
/* The value of a member, or NULL. */
const struct pxt_yaml_node *pxt_yaml_member(const struct pxt_yaml_node *map, const char *name);
/* Fills `error` with PXT_ECONFIG and "file:line:column: message". */
pxt_status pxt_yaml_fail(struct pxt_error *error, const struct pxt_yaml_node *at, const char *format, ...)
    PXT_PRINTF(3, 4);

#endif
