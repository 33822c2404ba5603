/* SPDX-License-Identifier: MIT
 *
 * input.c: three steps between a file and the reader of a list: unpack (zlib), decode (iconv), make line ends alike. Each
 * step works on a buffer of fixed size, so that a list may be of any size, packed or not.
 */
#include "lists/input.h"
#include "base/fail.h"
#include <errno.h>
#include <iconv.h>
#include <string.h>
#include <unistd.h>
#include <zlib.h>

enum { CHUNK = 65536 };

struct buffer {
    size_t at, end;
    unsigned char bytes[CHUNK];
};
struct pxt_input {
    FILE *raw, *stream;
    const char *path;
    uint64_t *read;
    bool (*stop)(void *arg);
    void *arg;
    bool packed, in_member, carriage; /* between gzip's members; the last byte handed out stood for a CR */
    bool stopped, have_iconv;
    z_stream zlib;
    iconv_t iconv;
    struct buffer file, unpacked, text; /* what was read, unpacked, decoded */
    char peeked[PXT_INPUT_PEEK];
    char out[CHUNK]; /* the stream's own buffer: wiped with the rest */
    size_t peek_at, peek_end;
    struct pxt_error error; /* .status: PXT_OK */
};

static void fail(struct pxt_input *input, pxt_status status, int number, const char *problem)
{
    if (!input->error.status)
        pxt_fail(&input->error, status, number, "%s: %s", input->path, problem);
}

/* ---- the file ---------------------------------------------------------------------------------------------------- */

/* Reads from the descriptor where there is one: what a pipe has is taken at once, and a signal is noticed. */
static size_t read_some(struct pxt_input *input, unsigned char *bytes, size_t size)
{
    int fd = fileno(input->raw);
    if (fd < 0) {
        size_t n = fread(bytes, 1, size, input->raw);
        if (!n && ferror(input->raw))
            fail(input, PXT_EIO, errno, "cannot read the list to its end");
        return n;
    }
    for (;;) {
        ssize_t n = read(fd, bytes, size);
        if (n >= 0)
            return (size_t)n;
        if (errno == EINTR && input->stop && input->stop(input->arg)) {
            input->stopped = true;
            return 0;
        }
        if (errno != EINTR) {
            fail(input, PXT_EIO, errno, "cannot read the list to its end");
            return 0;
        }
    }
}

/* Adds to what is left in the buffer. False at the end. */
static bool fill_file(struct pxt_input *input)
{
    struct buffer *file = &input->file;
    if (input->stopped || input->error.status)
        return false;
    memmove(file->bytes, file->bytes + file->at, file->end - file->at);
    file->end -= file->at;
    file->at = 0;
    size_t n = file->end < CHUNK ? read_some(input, file->bytes + file->end, CHUNK - file->end) : 0;
    file->end += n;
    *input->read += n;
    return n != 0;
}

/* ---- gzip -------------------------------------------------------------------------------------------------------- */

static bool is_gzip(const struct buffer *file)
{
    return file->end - file->at >= 2 && file->bytes[file->at] == 0x1f && file->bytes[file->at + 1] == 0x8b;
}

/* Begins the next member. False at the end: zeros that a tape or a device added are no member. */
static bool next_member(struct pxt_input *input)
{
    struct buffer *file = &input->file;
    for (;;) {
        while (file->at < file->end && !file->bytes[file->at])
            file->at++;
        if (file->end - file->at >= 2 || !fill_file(input))
            break;
    }
    if (file->at == file->end)
        return false;
    if (!is_gzip(file)) {
        fail(input, PXT_EINVAL, 0, "what follows the gzip data is none");
        return false;
    }
    if (inflateReset(&input->zlib) != Z_OK) {
        fail(input, PXT_EINTERNAL, 0, "zlib cannot begin");
        return false;
    }
    return input->in_member = true;
}

static size_t unpack(struct pxt_input *input, unsigned char *out, size_t size)
{
    struct buffer *file = &input->file;
    z_stream *zlib = &input->zlib;
    zlib->next_out = out;
    zlib->avail_out = (uInt)size;
    while (zlib->avail_out == size) {
        if (!input->in_member && !next_member(input))
            break;
        if (file->at == file->end && !fill_file(input)) {
            if (!input->stopped)
                fail(input, PXT_EINVAL, 0, "the gzip data ends too early");
            break;
        }
        zlib->next_in = file->bytes + file->at;
        zlib->avail_in = (uInt)(file->end - file->at);
        int state = inflate(zlib, Z_NO_FLUSH);
        file->at = file->end - zlib->avail_in;
        if (state == Z_STREAM_END) {
            input->in_member = false;
        } else if (state != Z_OK && state != Z_BUF_ERROR) {
            fail(input, state == Z_MEM_ERROR ? PXT_ENOMEM : PXT_EINVAL, 0,
                 state == Z_MEM_ERROR ? "out of memory for gzip" : "the gzip data is damaged");
            break;
        }
    }
    return size - zlib->avail_out;
}

static bool fill_unpacked(struct pxt_input *input)
{
    struct buffer *to = &input->unpacked;
    memmove(to->bytes, to->bytes + to->at, to->end - to->at);
    to->end -= to->at;
    to->at = 0;
    size_t n = 0, room = CHUNK - to->end;
    if (input->packed) {
        n = unpack(input, to->bytes + to->end, room);
    } else if (room && (input->file.at < input->file.end || fill_file(input))) {
        n = input->file.end - input->file.at < room ? input->file.end - input->file.at : room;
        memcpy(to->bytes + to->end, input->file.bytes + input->file.at, n);
        input->file.at += n;
    }
    to->end += n;
    return n != 0;
}

/* ---- character sets ---------------------------------------------------------------------------------------------- */

/* A byte order mark says it; without one, that just one of the first two bytes is NUL: a list begins with an ASCII
 * character. NULL: UTF-8, or what is near it. */
static const char *charset_of(struct buffer *text)
{
    const unsigned char *bytes = text->bytes + text->at;
    size_t length = text->end - text->at;
    if (length >= 3 && !memcmp(bytes, "\xef\xbb\xbf", 3)) {
        text->at += 3;
        return NULL;
    }
    if (length < 2)
        return NULL;
    if ((bytes[0] == 0xff && bytes[1] == 0xfe) || (bytes[0] == 0xfe && bytes[1] == 0xff)) {
        text->at += 2;
        return bytes[0] == 0xff ? "UTF-16LE" : "UTF-16BE";
    }
    if (!bytes[0] == !bytes[1])
        return NULL;
    return bytes[0] ? "UTF-16LE" : "UTF-16BE";
}

static size_t convert(struct pxt_input *input, unsigned char *out, size_t size)
{
    struct buffer *from = &input->unpacked;
    char *to = (char *)out;
    size_t room = size;
    while (room == size) {
        char *bytes = (char *)from->bytes + from->at;
        size_t left = from->end - from->at;
        errno = 0;
        size_t done = left ? iconv(input->iconv, &bytes, &left, &to, &room) : 0;
        int number = errno;
        from->at = from->end - left;
        if (done == (size_t)-1 && number == EILSEQ) {
            fail(input, PXT_EINVAL, 0, "the text is not UTF-16, as its beginning says");
            break;
        }
        if (room < size)
            break;
        if (!fill_unpacked(input)) {
            if (from->at < from->end && !input->stopped)
                fail(input, PXT_EINVAL, 0, "the text ends inside a UTF-16 character");
            break;
        }
    }
    return size - room;
}

/* Hands out decoded bytes with LF at the end of each line: CR and CRLF become LF. */
static size_t decoded(struct pxt_input *input, unsigned char *out, size_t size)
{
    struct buffer *text = input->have_iconv ? &input->text : &input->unpacked;
    size_t n = 0;
    while (!n) {
        if (text->at == text->end) {
            text->at = text->end = 0;
            if (input->have_iconv)
                text->end = convert(input, text->bytes, CHUNK);
            else
                fill_unpacked(input);
            if (text->at == text->end)
                return 0;
        }
        for (; text->at < text->end && n < size; text->at++) {
            unsigned char c = text->bytes[text->at];
            if (c != '\n' || !input->carriage)
                out[n++] = c == '\r' ? '\n' : c;
            input->carriage = c == '\r';
        }
    }
    return n;
}

/* ---- the stream -------------------------------------------------------------------------------------------------- */

static ssize_t read_stream(void *cookie, char *out, size_t size)
{
    struct pxt_input *input = cookie;
    if (input->peek_at == input->peek_end)
        return (ssize_t)decoded(input, (unsigned char *)out, size);
    size_t n = input->peek_end - input->peek_at < size ? input->peek_end - input->peek_at : size;
    memcpy(out, input->peeked + input->peek_at, n);
    input->peek_at += n;
    return (ssize_t)n;
}

const char *pxt_input_peek(struct pxt_input *input, size_t *length, bool *whole)
{
    size_t n = 1;
    while (input->peek_end < PXT_INPUT_PEEK && n) {
        n = decoded(input, (unsigned char *)input->peeked + input->peek_end, PXT_INPUT_PEEK - input->peek_end);
        input->peek_end += n;
    }
    *length = input->peek_end;
    *whole = !n;
    return input->peeked;
}

static pxt_status begin(struct pxt_input *input, struct pxt_error *error)
{
    while (input->file.end < 2 && fill_file(input))
        continue;
    if (is_gzip(&input->file)) {
        if (inflateInit2(&input->zlib, 15 + 16) != Z_OK) /* the largest window, and gzip's header */
            return pxt_fail_memory(error, "gzip");
        input->packed = input->in_member = true;
    }
    while (input->unpacked.end < 3 && fill_unpacked(input))
        continue;
    const char *charset = charset_of(&input->unpacked);
    if (!charset)
        return PXT_OK;
    input->iconv = iconv_open("UTF-8", charset);
    if (input->iconv == (iconv_t)-1)
        return pxt_fail(error, errno == ENOMEM ? PXT_ENOMEM : PXT_ENOTSUP, errno, "%s: the C library cannot convert %s",
                        input->path, charset);
    input->have_iconv = true;
    return PXT_OK;
}

pxt_status pxt_input_open(FILE *raw, const char *path, uint64_t *read, bool (*stop)(void *arg), void *arg,
                          struct pxt_input **out, struct pxt_error *error)
{
    struct pxt_input *input = pxt_alloc(sizeof *input);
    if (!input)
        return pxt_fail_memory(error, "a list");
    input->raw = raw;
    input->path = path;
    input->read = read;
    input->stop = stop;
    input->arg = arg;
    input->stream = fopencookie(input, "r", (cookie_io_functions_t){.read = read_stream});
    bool good = input->stream && !setvbuf(input->stream, input->out, _IOFBF, sizeof input->out);
    pxt_status status = good ? begin(input, error) : pxt_fail_memory(error, "a stream");
    if (status)
        pxt_input_close(input);
    else
        *out = input;
    return status;
}

FILE *pxt_input_stream(struct pxt_input *input)
{
    return input->stream;
}

pxt_status pxt_input_status(const struct pxt_input *input, struct pxt_error *error)
{
    if (input->error.status && error)
        *error = input->error;
    return input->error.status;
}

void pxt_input_close(struct pxt_input *input)
{
    if (!input)
        return;
    if (input->stream)
        fclose(input->stream);
    if (input->packed)
        inflateEnd(&input->zlib);
    if (input->have_iconv)
        iconv_close(input->iconv);
    explicit_bzero(input, sizeof *input);
    pxt_free(input);
}
