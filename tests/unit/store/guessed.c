/* SPDX-License-Identifier: Apache-2.0
 * Linked to the tests of what comes in: nodes never ask before, so that most first tries are wrong. */
#include "tests/unit/store/harness.h"

__attribute__((constructor)) static void guess(void)
{
    harness_strangers = 256;
}
