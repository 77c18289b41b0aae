/* What a driver says of an error, on its way to an error of ours and into the log: vendor code, SQLSTATE, words. */
#include "fuzz.h"

#include <fcntl.h>
#include <jansson.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "base/log.h"
#include "source/driver.h"

enum { LARGEST_RECORD = 65536 };

static const char secret[] = "hunter2hunter2";

/* One record, of one line, that holds no secret; its length. */
static size_t check_record(int descriptor, char *record) {
    ssize_t length = pread(descriptor, record, LARGEST_RECORD - 1, 0);
    FUZZ_REQUIRE(length > 0 && record[length - 1] == '\n');
    record[length] = '\0';
    FUZZ_REQUIRE(memchr(record, '\n', (size_t)length) == record + length - 1);
    FUZZ_REQUIRE(strstr(record, secret) == NULL);
    for (ssize_t i = 0; i < length - 1; i++)
        FUZZ_REQUIRE((unsigned char)record[i] >= ' ' && record[i] != 0x7f);
    return (size_t)length;
}

static void write_record(enum log_format format, const struct error *error) {
    static char record[LARGEST_RECORD];
    static int descriptor = -1;
    if (descriptor < 0)
        descriptor = memfd_create("log", MFD_CLOEXEC);
    FUZZ_REQUIRE(descriptor >= 0 && ftruncate(descriptor, 0) == 0 && lseek(descriptor, 0, SEEK_SET) == 0);
    struct log log;
    log_init(&log, descriptor, LOG_INFO, format);
    log_hide(&log, secret);
    log_failure(&log, NULL, error);
    log_release(&log);
    size_t length = check_record(descriptor, record);
    if (format == LOG_JSON) {
        json_t *object = json_loadb(record, length, 0, NULL);
        FUZZ_REQUIRE(json_is_object(object) && json_is_string(json_object_get(object, "message")));
        json_decref(object);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    struct AdbcError adbc = {0};
    struct error error = {0};
    if (size < 10)
        return 0;
    memcpy(&adbc.vendor_code, data, 4);
    memcpy(adbc.sqlstate, data + 4, sizeof adbc.sqlstate);
    char *message = fuzz_text(data + 10, size - 10);
    adbc.message = message;
    (void)driver_failure(&adbc, data[9], "running a query", &error);
    FUZZ_REQUIRE(error.kind != ERROR_NONE && error.message[0] != '\0');
    FUZZ_REQUIRE(strnlen(error.message, sizeof error.message) < sizeof error.message &&
                 strnlen(error.hint, sizeof error.hint) < sizeof error.hint);
    write_record(LOG_TEXT, &error);
    write_record(LOG_JSON, &error);
    free(message);
    return 0;
}

static void seed(int vendor_code, const char *sqlstate, uint8_t status, const char *message) {
    uint8_t bytes[1024];
    memcpy(bytes, &vendor_code, 4);
    memcpy(bytes + 4, sqlstate, 5);
    bytes[9] = status;
    size_t length = strlen(message);
    memcpy(bytes + 10, message, length);
    fuzz_seed(bytes, 10 + length);
}

void fuzz_seeds(void) {
    seed(390100, "08004", 13, "[Snowflake] 390100 (08004): Incorrect username or password was specified.");
    seed(2003, "42S02", 3,
         "[Snowflake] 002003 (42S02): SQL compilation error:\nObject 'T' does not exist or not authorized.");
    seed(0, "00000", 10,
         "arrow/ipc: could not read message: read tcp 127.0.0.1:1->127.0.0.1:2: connection reset by peer");
    seed(0, "\0\0\0\0\0", 9,
         "Out of Memory Error: could not allocate block of size 256.0 KiB\n\nLINE 1: SELECT 'hunter2hunter2'\n         "
         "^");
    seed(0, "XX000", 1,
         "\xff\xfe \x1b[2K \xf0\x9f\x98\x80 2026-01-31 12:00:00 | INFO | run | \r\nhunter2hunter2\t\x7f");
}
