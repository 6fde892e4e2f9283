// SPDX-License-Identifier: Apache-2.0
// CLD2 for comparison, in its best setting for short text, with its big tables.
#include <cstdio>
#include <cld2/public/compact_lang_det.h>
#include <cld2/public/encodings.h>
#include <cstring>

extern "C" const char *cld2_language(const char *text, int n);

const char *cld2_language(const char *text, int n)
{
    CLD2::Language top[3];
    int percent[3], bytes = 0, valid = 0;
    double scores[3];
    bool reliable = false;
    CLD2::CLDHints hints = {nullptr, nullptr, CLD2::UNKNOWN_ENCODING, CLD2::UNKNOWN_LANGUAGE};
    CLD2::Language l = CLD2::ExtDetectLanguageSummaryCheckUTF8(text, n, true, &hints, CLD2::kCLDFlagBestEffort, top,
                                                               percent, scores, nullptr, &bytes, &reliable, &valid);
    const char *code = CLD2::LanguageCode(l);
    return strcmp(code, "ku") == 0 ? "ckb" : code;
}
