/* SPDX-License-Identifier: MIT
 *
 * YAML is read strictly, and every message says where.
 */
#include "../lib/tap.h"
#include "base/fail.h"
#include "settings/yaml_tree.h"

static void refuses(const char *text, const char *want)
{
    struct pxt_error error = {.message = ""};
    struct pxt_yaml_node *tree = NULL;
    pxt_status status = pxt_yaml_read_text(text, strlen(text), "f.yaml", &tree, &error);
    ok(status == PXT_ECONFIG && strstr(error.message, want), "%s", want);
    if (!strstr(error.message, want))
        diag("got: %s", error.message);
    pxt_yaml_free(tree);
}

int main(void)
{
    struct pxt_error error;
    struct pxt_yaml_node *tree = NULL;
    const char text[] = "# comment\na: 1\nb: {c: [x, 'y z', no]}\nd:\n  - e: ~\n";
    is_int(pxt_yaml_read_text(text, strlen(text), "f.yaml", &tree, &error), PXT_OK, "block and flow style");
    is_str(pxt_yaml_member(tree, "a")->scalar, "1", "a scalar is text");
    const struct pxt_yaml_node *list = pxt_yaml_member(pxt_yaml_member(tree, "b"), "c");
    is_int(list->count, 3, "a list");
    is_str(list->child[2]->scalar, "no", "no is a country");
    is_int(list->child[1]->line, 3, "line");
    is_int(list->child[1]->column, 12, "column");
    ok(!list->child[1]->plain && list->child[0]->plain, "quotes are remembered");
    pxt_yaml_free(tree);
    is_int(pxt_yaml_read_text("", 0, "f.yaml", &tree, &error), PXT_OK, "an empty file");
    ok(tree->kind == PXT_YAML_MAP && !tree->count, "... is an empty map");
    pxt_yaml_free(tree);
    refuses("a: 1\na: 2\n", "f.yaml:2:1: \"a\" is given twice: first in line 1");
    refuses("a: &x 1\n", "f.yaml:1:4: anchors and tags are not supported");
    refuses("a: [*x]\n", "f.yaml:1:5: aliases are not supported");
    refuses("a: !!str 1\n", "f.yaml:1:4: anchors and tags are not supported");
    refuses("a: 1\n---\nb: 2\n", "a second document");
    refuses("a: [1\n", "f.yaml:");
    refuses("[a]: 1\n", "f.yaml:1:1: a name is expected");
    refuses("a: \"x\\0y\"\n", "f.yaml:1:4: a NUL character");
    refuses("tiers:\n\t- x\n", "f.yaml:2:1: a tab stands where YAML allows only blanks");
    refuses("a: 1\n\tb: 2\n", "f.yaml:2:1: a tab stands where YAML allows only blanks");
    refuses("\xc3\xa9: {\xc3\xa9: @}\n", "f.yaml:1:8: found character that cannot start any token");
    refuses("a: 1\nb: \"x\nc: 1\nd: 2\n", "f.yaml:5:1: the file ends within quotes, which began at 2:4: close them");
    refuses("a: 1\nb: [1, 2\nc: 3\n", "while parsing a flow sequence, which began at 2:4");
    static char deep[200000];
    memset(deep, '[', sizeof deep - 1);
    refuses(deep, "nested more than 64 deep");
    static char many[1 << 20];
    size_t length = 0;
    for (unsigned i = 0; length < sizeof many - 40; i++)
        length += (size_t)snprintf(many + length, 20, "name%u: 1\n", i);
    is_int(pxt_yaml_read_text(many, length, "f.yaml", &tree, &error), PXT_OK, "a map of %zu bytes", length);
    pxt_yaml_free(tree);
    strcpy(many + length, "name7: 1\n");
    refuses(many, "\"name7\" is given twice: first in line 8");
    static char large[(1 << 20) + 2];
    memset(large, '#', sizeof large - 1);
    refuses(large, "larger than 1 MiB");
    is_int(pxt_yaml_read_file("/nonexistent/x.yaml", &tree, &error), PXT_ECONFIG, "a file that is not there");
    ok(strstr(error.message, "/nonexistent/x.yaml"), "... is named");
    return tap_done();
}
