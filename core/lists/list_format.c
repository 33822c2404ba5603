/* SPDX-License-Identifier: MIT
 *
 * list_format.c: unpacks a list, has its format told, and calls the reader of the format.
 */
#include "lists/input.h"
#include "lists/list.h"
#include <string.h>

static pxt_status read_format(struct pxt_list *list)
{
    switch (list->format) {
    case PXT_LIST_JSON:
        return pxt_list_read_json(list);
    case PXT_LIST_JSONL:
        return pxt_list_read_jsonl(list);
    case PXT_LIST_CSV:
        return pxt_list_read_csv(list);
    case PXT_LIST_YAML:
        return pxt_list_read_yaml(list);
    case PXT_LIST_PROXYCHAINS:
        return pxt_list_read_proxychains(list);
    default:
        return pxt_list_read_text(list);
    }
}

static bool is_blank(const struct pxt_list_sample *sample)
{
    for (size_t i = 0; i < sample->length; i++)
        if (!sample->text[i] || !strchr(" \t\r\n", sample->text[i]))
            return false;
    return sample->whole;
}

pxt_status pxt_list_read(struct pxt_list *list, enum pxt_list_format format)
{
    struct pxt_input *input;
    struct pxt_list_sample sample;
    FILE *raw = list->stream;
    pxt_status status = pxt_input_open(raw, list->path, &list->read, list->stop, list->arg, &input, list->error);
    if (status)
        return status;
    sample.text = pxt_input_peek(input, &sample.length, &sample.whole);
    list->format = format == PXT_LIST_AUTO ? PXT_LIST_TEXT : format;
    list->stream = pxt_input_stream(input);
    if (!is_blank(&sample)) {
        if (format == PXT_LIST_AUTO)
            status = pxt_list_detect(&sample, list->path, &list->format, list->error);
        if (!status)
            status = read_format(list);
    }
    /* What ends too early is malformed too: the reason counts. */
    if (!status || status == PXT_EINVAL) {
        pxt_status cut = pxt_input_status(input, list->error);
        status = cut ? cut : status;
    }
    list->stream = raw;
    pxt_input_close(input);
    return status;
}
