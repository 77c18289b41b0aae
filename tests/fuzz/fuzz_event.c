/* A Lambda event. */
#include "fuzz.h"

#include <math.h>
#include <string.h>

#include "lambda/event.h"
#include "ledger/ledger.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    struct event event;
    struct error error = {0};
    if (event_parse(&event, (const char *)data, size, &error)) {
        FUZZ_REQUIRE(event.run_id[0] == '\0' || ledger_is_run_id(event.run_id));
        FUZZ_REQUIRE(isfinite(event.resume_max_age_hours));
        FUZZ_REQUIRE(!event.worker || event.run_id[0] != '\0');
    } else {
        FUZZ_REQUIRE(error.kind == ERROR_CONFIG && error.message[0] != '\0');
    }
    event_release(&event);
    return 0;
}

void fuzz_seeds(void) {
    fuzz_seed_text(
        "{\"action\": \"migrate\", \"source_name\": \"a, b\", \"no_resume\": \"False\", \"resume_max_age\": \"168\", "
        "\"resume_run_id\": \"0B5E0F4E-9c2a-4d0a-8f7e-3f1f0d5b1c11\"}");
    fuzz_seed_text(
        "{\"input\": {\"action\": \"test_connections\", \"source_name\": [\"a\\\"b\", \"c\"], \"worker\": 3}, "
        "\"defaults\": "
        "{\"run_id\": \"0b5e0f4e-9c2a-4d0a-8f7e-3f1f0d5b1c11\", \"prepare\": false, \"resume_max_age\": 1e3}}");
    fuzz_seed_text("{\"action\": \"validate_confg\", \"source_nam\": null, \"no_resume\": true, \"prepare\": true}");
}
