/* The value of a Retry-After header, and dates as HTTP writes them. */
#include "fuzz.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    char *text = exact_copy(data, size);
    int64_t date = 0;
    const double seconds = owu_retry_after(text, size, 1750000000);
    MUST(seconds >= 0 || seconds < 0); /* a number */
    if (owu_http_date(text, size, &date)) {
        MUST(date > -62200000000 && date < 253500000000); /* the years 0 to 9999 */
        MUST(seconds >= 0 && (date <= 1750000000 || seconds > 0));
    }
    free(text);
    return 0;
}
