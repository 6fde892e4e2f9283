/* SPDX-License-Identifier: Apache-2.0
 * See pack.h. Packed: a zero byte, then JSON in which bytes 1 to 7 stand for words; JSON itself holds no byte
 * below 32 but white space, and a text that begins with a zero byte is none. */
#include "store/pack.h"
#include <string.h>

#define MARK 0
#define LAST 7

/* What is kept names them by their place: new ones at the end only. */
static const struct slice words[LAST + 1] = {
    {"", 0},     {"{\"ids\":[\"", 9},           {"\"],\"language\":\"", 15}, {"\"}", 2},
    {"\"]}", 3}, {"{\"attachments\":[{\"", 18}, {"{\"ref\":\"", 8},          {"\",\"language\":\"", 14},
};

/* The longest word with which text begins; 0: none. */
static unsigned word_at(struct slice text)
{
    unsigned best = 0;
    if (text.p[0] != '{' && text.p[0] != '"')
        return 0;
    for (unsigned i = 1; i <= LAST; i++)
        if (words[i].n > words[best].n && slice_starts(text, words[i].p))
            best = i;
    return best;
}

static bool plain(struct slice text)
{
    for (size_t i = 0; i < text.n; i++)
        if ((unsigned char)text.p[i] <= LAST)
            return false;
    return true;
}

size_t pack_write(struct slice text, char *out)
{
    size_t n = 0;
    if (text.n == 0)
        return 0;
    if (plain(text)) {
        out[n++] = MARK;
        for (size_t at = 0; at < text.n && n < text.n;) {
            unsigned word = word_at(slice_of(text.p + at, text.n - at));
            out[n++] = word ? (char)word : text.p[at];
            at += word ? words[word].n : 1;
            if (at == text.n)
                return n;
        }
    }
    memcpy(out, text.p, text.n);
    return text.n;
}

bool pack_read(struct slice packed, struct buf *out)
{
    if (packed.n == 0 || packed.p[0] != MARK) {
        buf_slice(out, packed);
        return true;
    }
    for (size_t i = 1; i < packed.n; i++) {
        unsigned char c = (unsigned char)packed.p[i];
        if (c == MARK)
            return false;
        if (c <= LAST)
            buf_slice(out, words[c]);
        else
            buf_char(out, (char)c);
    }
    return true;
}
