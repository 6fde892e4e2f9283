/* SPDX-License-Identifier: Apache-2.0
 * Codes by the clock: the vectors of RFC 6238 (appendix B) and RFC 4226 (appendix D), and what people type.
 */
#include "store/otp.h"
#include "tests/unit/test.h"

static const unsigned char secret[OTP_SECRET] = {'1', '2', '3', '4', '5', '6', '7', '8', '9', '0',
                                                 '1', '2', '3', '4', '5', '6', '7', '8', '9', '0'};

T(vectors_of_rfc_6238)
{
    static const struct {
        uint64_t at;
        uint32_t code;
    } v[] = {{59, 94287082},         {1111111109, 7081804},  {1111111111, 14050471},
             {1234567890, 89005924}, {2000000000, 69279037}, {20000000000, 65353130}};
    for (size_t i = 0; i < sizeof v / sizeof *v; i++)
        EQ_INT(otp_code(secret, OTP_SECRET, v[i].at / OTP_STEP_S, 8), v[i].code);
}

T(vectors_of_rfc_4226)
{
    static const uint32_t codes[] = {755224, 287082, 359152, 969429, 338314,
                                     254676, 287922, 162583, 399871, 520489};
    for (size_t i = 0; i < 10; i++)
        EQ_INT(otp_code(secret, OTP_SECRET, i, OTP_DIGITS), codes[i]);
}

T(a_step_before_and_after_is_taken_and_no_other)
{
    for (uint64_t step = 1000; step < 1005; step++) {
        uint32_t code = otp_code(secret, OTP_SECRET, step, OTP_DIGITS);
        uint64_t found = otp_step(secret, code, 1002 * OTP_STEP_S * 1000 + 17);
        EQ_INT(found, step >= 1001 && step <= 1003 ? step : 0);
    }
}

T(base_32)
{
    char text[OTP_BASE32];
    otp_base32(secret, text);
    EQ_STR(text, "GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ");
}

T(what_people_type)
{
    uint32_t code = 0;
    static const char *const good[] = {"012345", "012 345", " 01-23-45 ", "٠١٢٣٤٥", "۰۱۲ ۳۴۵", "01٢٣۴۵"};
    static const char *const bad[] = {"", "12345", "1234567", "12345a", "123456\n7", "٠١٢٣٤", "½12345"};
    for (size_t i = 0; i < sizeof good / sizeof *good; i++) {
        OK(otp_read(slice_str(good[i]), &code));
        EQ_INT(code, 12345);
    }
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
        OK(!otp_read(slice_str(bad[i]), &code));
}

TEST_MAIN
