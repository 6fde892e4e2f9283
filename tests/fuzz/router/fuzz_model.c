/* SPDX-License-Identifier: Apache-2.0
 * Loading any bytes as a model, with the length and checksum made right so that the rest is reached, and
 * using it. */
#include "router/language.h"
#include "router/language_model.h"
#include "gateway/base/mem.h"
#include <stdio.h>
#include <sys/mman.h>
#include <unistd.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct language_model_head h;
    size_t from = offsetof(struct language_model_head, checksum) + sizeof h.checksum;
    unsigned char *copy = mem_dup(data, size);
    int fd = memfd_create("model", MFD_CLOEXEC);
    err_assert(fd >= 0);
    if (size >= sizeof h && size % 2) {
        memcpy(&h, copy, sizeof h);
        memcpy(h.magic, LANGUAGE_MODEL_MAGIC, sizeof h.magic);
        h.version = LANGUAGE_MODEL_VERSION;
        h.size = (uint32_t)size;
        h.checksum = language_model_checksum(copy + from, size - from);
        memcpy(copy, &h, sizeof h);
    }
    char path[64];
    struct language_model *m;
    struct language_decision d;
    struct err e;
    snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
    if (write(fd, copy, size) == (ssize_t)size && language_model_open(&m, path, &e) == 0) {
        language_detect(m, SLICE("hello سلام ሰላም merhaba"), NULL, &d);
        language_model_close(m);
    }
    mem_free(copy);
    close(fd);
    return 0;
}
