/* SPDX-License-Identifier: MIT
 *
 * export_template.c: a text with {values|filters} in it, once for each entry.
 */
#include "base/didyoumean.h"
#include "base/fail.h"
#include "entry/entry.h"
#include "lists/export.h"
#include <string.h>

enum { FILTERS = 4, WORD = 64 };

/* ---- filters ----------------------------------------------------------------------------------------------------- */

static void raw(struct pxt_out *out, struct pxt_span span)
{
    pxt_out_span(out, span);
}

static const struct filter {
    const char *name;
    pxt_out_quote *quote;
    bool utf8;    /* takes nothing else */
    bool control; /* control characters do no harm in what it writes */
} filters[] = {{"raw", raw, false, false},
               {"percent", pxt_out_percent, false, true},
               {"shell", pxt_out_shell, false, false},
               {"json", pxt_out_json, true, true},
               {"csv", pxt_out_csv, false, true},
               {"base64", pxt_out_base64, false, true}};
enum { FILTER_COUNT = sizeof filters / sizeof *filters };

/* ---- values ------------------------------------------------------------------------------------------------------ */

static void write_url(struct pxt_out *out, const struct pxt_exported *exported)
{
    pxt_out_url(out, exported);
}
static void write_scheme(struct pxt_out *out, const struct pxt_exported *exported)
{
    pxt_out_text(out, exported->scheme);
}
static void write_hostport(struct pxt_out *out, const struct pxt_exported *exported)
{
    pxt_out_span(out, exported->hostport);
}
static void write_host(struct pxt_out *out, const struct pxt_exported *exported)
{
    pxt_out_span(out, exported->host);
}
static void write_port(struct pxt_out *out, const struct pxt_exported *exported)
{
    pxt_out_span(out, exported->port);
}
static void write_username(struct pxt_out *out, const struct pxt_exported *exported)
{
    pxt_out_span(out, exported->username);
}
static void write_password(struct pxt_out *out, const struct pxt_exported *exported)
{
    pxt_out_span(out, exported->password);
}

/* Beside these, each field of the table has its own name. */
static const struct value {
    const char *name;
    void (*write)(struct pxt_out *out, const struct pxt_exported *exported);
} values[] = {{"url", write_url},   {"scheme", write_scheme},     {"hostport", write_hostport}, {"host", write_host},
              {"port", write_port}, {"username", write_username}, {"password", write_password}};
enum { VALUE_COUNT = sizeof values / sizeof *values };

/* ---- the template ------------------------------------------------------------------------------------------------ */

/* Text, or a value with its filters. */
struct part {
    size_t start, length; /* of the text, in `literals` */
    const struct value *value;
    enum pxt_field_id field; /* where `value` is NULL */
    const struct filter *filter[FILTERS];
    unsigned filters;
    bool is_text;
};
struct pxt_template {
    struct part *part;
    size_t count;
    struct pxt_out literals;
};
struct reader {
    struct pxt_template *template;
    const char *text;
    size_t at;
    struct pxt_error *error;
};

static pxt_status wrong(const struct reader *reader, size_t at, const char *problem)
{
    return pxt_fail(reader->error, PXT_EINVAL, 0, "template, column %zu: %s", at + 1, problem);
}

/* Keeps in `best` what is nearer to `word`. */
static void compare(const char *word, const char *known, unsigned *nearest, const char **best)
{
    unsigned distance;
    if (pxt_word_near(word, known, &distance) && distance < *nearest) {
        *nearest = distance;
        *best = known;
    }
}

static pxt_status unknown(const struct reader *reader, size_t at, const char *what, const char *word, const char *best)
{
    return pxt_fail(reader->error, PXT_EINVAL, 0, "template, column %zu: unknown %s \"%s\"%s%s%s", at + 1, what, word,
                    best ? " (did you mean \"" : "; see proxtier-export(5)", best ? best : "", best ? "\"?)" : "");
}

static pxt_status find_value(const struct reader *reader, size_t at, const char *word, struct part *part)
{
    size_t count;
    unsigned nearest = ~0u;
    const char *best = NULL;
    const struct pxt_field *field = pxt_field_table(&count);
    for (size_t i = 0; i < VALUE_COUNT; i++) {
        if (!strcmp(values[i].name, word)) {
            part->value = &values[i];
            return PXT_OK;
        }
        compare(word, values[i].name, &nearest, &best);
    }
    for (size_t i = 0; i < count; i++) {
        if (field[i].flags & PXT_FIELD_INTERNAL)
            continue;
        if (!strcmp(field[i].name, word)) {
            part->field = (enum pxt_field_id)i;
            return PXT_OK;
        }
        compare(word, field[i].name, &nearest, &best);
    }
    return unknown(reader, at, "value", word, best);
}

static pxt_status find_filter(const struct reader *reader, size_t at, const char *word, struct part *part)
{
    unsigned nearest = ~0u;
    const char *best = NULL;
    if (part->filters == FILTERS)
        return wrong(reader, at, "more than four filters");
    for (size_t i = 0; i < FILTER_COUNT; i++) {
        if (!strcmp(filters[i].name, word)) {
            part->filter[part->filters++] = &filters[i];
            return PXT_OK;
        }
        compare(word, filters[i].name, &nearest, &best);
    }
    return unknown(reader, at, "filter", word, best);
}

static struct part *add_part(struct pxt_template *template)
{
    struct part *grown = pxt_realloc(template->part, (template->count + 1) * sizeof *grown);
    if (!grown)
        return NULL;
    template->part = grown;
    grown[template->count] = (struct part){.start = template->literals.length};
    return &grown[template->count++];
}

/* Reads `name|filter|filter}`. */
static pxt_status read_value(struct reader *reader)
{
    struct part *part = add_part(reader->template);
    size_t start = reader->at;
    bool first = true;
    if (!part)
        return pxt_fail_memory(reader->error, "a template");
    for (;; first = false) {
        char word[WORD];
        size_t length = strcspn(reader->text + reader->at, "|{}");
        char end = reader->text[reader->at + length];
        if (end != '|' && end != '}')
            return wrong(reader, start - 1, "this { has no }; a brace that stands for itself is doubled: {{");
        if (length >= sizeof word)
            return wrong(reader, reader->at, "this name is too long");
        memcpy(word, reader->text + reader->at, length);
        word[length] = '\0';
        pxt_status status =
            first ? find_value(reader, reader->at, word, part) : find_filter(reader, reader->at, word, part);
        reader->at += length + 1;
        if (status || end == '}')
            return status;
    }
}

static pxt_status read_escape(struct reader *reader, char *byte)
{
    static const char letters[] = "ntr0\\", bytes[] = "\n\t\r\0\\";
    char letter = reader->text[++reader->at];
    const char *found = letter ? strchr(letters, letter) : NULL;
    if (!found)
        return wrong(reader, reader->at - 1, "a backslash stands before n, t, r, 0 or \\");
    *byte = bytes[found - letters];
    return PXT_OK;
}

/* Reads one byte of text. */
static pxt_status read_byte(struct reader *reader)
{
    char byte = reader->text[reader->at];
    pxt_status status = byte == '\\' ? read_escape(reader, &byte) : PXT_OK;
    if (!status && byte == '}' && reader->text[++reader->at] != '}')
        status = wrong(reader, reader->at - 1, "this } has no {; a brace that stands for itself is doubled: }}");
    if (status)
        return status;
    struct pxt_template *template = reader->template;
    struct part *last = template->count ? &template->part[template->count - 1] : NULL;
    if (!last || !last->is_text)
        last = add_part(template);
    if (!last)
        return pxt_fail_memory(reader->error, "a template");
    last->is_text = true;
    last->length++;
    pxt_out_bytes(&template->literals, &byte, 1);
    reader->at++;
    return PXT_OK;
}

/* Without a line end of its own a template gets one. */
static pxt_status end_line(struct reader *reader)
{
    const struct pxt_template *template = reader->template;
    const struct part *last = template->count ? &template->part[template->count - 1] : NULL;
    char end = last && last->is_text ? template->literals.text[template->literals.length - 1] : 'x';
    if (end == '\n' || end == '\0')
        return PXT_OK;
    struct reader newline = {reader->template, "\n", 0, reader->error};
    return read_byte(&newline);
}

pxt_status pxt_template_new(const char *text, struct pxt_template **out, struct pxt_error *error)
{
    struct reader reader = {pxt_alloc(sizeof(struct pxt_template)), text, 0, error};
    pxt_status status = reader.template ? PXT_OK : pxt_fail_memory(error, "a template");
    while (!status && text[reader.at])
        if (text[reader.at] == '{' && text[reader.at + 1] != '{') {
            reader.at++;
            status = read_value(&reader);
        } else {
            reader.at += text[reader.at] == '{';
            status = read_byte(&reader);
        }
    if (!status)
        status = end_line(&reader);
    if (!status && reader.template->literals.no_memory)
        status = pxt_fail_memory(error, "a template");
    if (status)
        pxt_template_free(reader.template);
    else
        *out = reader.template;
    return status;
}

void pxt_template_free(struct pxt_template *template)
{
    if (!template)
        return;
    pxt_out_free(&template->literals);
    pxt_free(template->part);
    pxt_free(template);
}

/* ---- writing ----------------------------------------------------------------------------------------------------- */

/* Takes what `from` has through a filter. */
static const char *apply(const struct filter *filter, const struct pxt_out *from, struct pxt_out *to)
{
    struct pxt_span span = {from->text ? from->text : "", from->length};
    pxt_out_clear(to);
    if (filter->utf8 && !pxt_span_is_utf8(span))
        return "a value that is not UTF-8";
    if (!filter->control && pxt_span_has_control(span))
        return "a control character in a value";
    filter->quote(to, span);
    return NULL;
}

static const char *write_value(const struct part *part, const struct pxt_exported *exported, struct pxt_out *out)
{
    struct pxt_out buffer[2] = {{0}};
    const char *problem = NULL;
    if (part->value)
        part->value->write(&buffer[0], exported);
    else
        pxt_out_field(&buffer[0], exported->entry, part->field, raw);
    if (!part->filters)
        problem = apply(&filters[0], &buffer[0], &buffer[1]);
    for (unsigned i = 0; i < part->filters && !problem; i++)
        problem = apply(part->filter[i], &buffer[i % 2], &buffer[(i + 1) % 2]);
    const struct pxt_out *last = &buffer[part->filters ? part->filters % 2 : 1];
    if (!problem)
        pxt_out_bytes(out, last->text, last->length);
    out->no_memory |= buffer[0].no_memory || buffer[1].no_memory;
    pxt_out_free(&buffer[0]);
    pxt_out_free(&buffer[1]);
    return problem;
}

const char *pxt_template_write(const struct pxt_template *template, const struct pxt_exported *exported,
                               struct pxt_out *out)
{
    const char *problem = NULL;
    for (size_t i = 0; i < template->count && !problem; i++) {
        const struct part *part = &template->part[i];
        if (part->is_text)
            pxt_out_bytes(out, template->literals.text + part->start, part->length);
        else
            problem = write_value(part, exported, out);
    }
    return problem;
}
