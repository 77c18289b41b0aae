/* PEM text of a private key; and which kind of token a text is. */
#include "fuzz.h"

#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/rsa.h>
#include <stdlib.h>
#include <string.h>

#include "source/private_key.h"
#include "source/token.h"

enum { LARGEST_KEY = 4096 };

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    char *key = fuzz_text(data, size), *pkcs8 = NULL;
    struct error error = {0};
    (void)token_is_oauth(key);
    /* Without BEGIN it would be the name of a file. An encrypted key is refused without its passphrase: deriving a key from one
     * takes as long as the key says. */
    if (strstr(key, "-----BEGIN") != NULL) {
        if (private_key_to_pkcs8(key, NULL, &pkcs8, &error)) {
            FUZZ_REQUIRE(strncmp(pkcs8, "-----BEGIN PRIVATE KEY-----", 27) == 0);
        } else {
            FUZZ_REQUIRE(pkcs8 == NULL && (error.kind == ERROR_AUTH || error.kind == ERROR_CONFIG));
            FUZZ_REQUIRE(error.hint[0] != '\0' || strstr(error.message, "another kind") != NULL);
        }
    }
    free(pkcs8);
    free(key);
    return 0;
}

static void seed_with(EVP_PKEY *key, const EVP_CIPHER *cipher, bool traditional, bool literal) {
    BIO *output = BIO_new(BIO_s_mem());
    char *bytes = NULL, spelled[LARGEST_KEY];
    size_t length = 0;
    if (traditional)
        PEM_write_bio_PrivateKey_traditional(output, key, NULL, NULL, 0, NULL, NULL);
    else
        PEM_write_bio_PKCS8PrivateKey(output, key, cipher, "open", cipher == NULL ? 0 : 4, NULL, NULL);
    long total = BIO_get_mem_data(output, &bytes);
    for (long i = 0; i < total && length + 2 < sizeof spelled; i++) {
        if (literal && bytes[i] == '\n') {
            spelled[length++] = '\\';
            spelled[length++] = 'n';
        } else {
            spelled[length++] = bytes[i];
        }
    }
    fuzz_seed(spelled, length);
    BIO_free(output);
}

void fuzz_seeds(void) {
    EVP_PKEY *key = EVP_RSA_gen(1024);
    seed_with(key, NULL, false, false);
    seed_with(key, NULL, true, true);
    seed_with(key, EVP_aes_128_cbc(), false, false);
    EVP_PKEY_free(key);
    fuzz_seed_text("ver:1-hint:2.eyJ");
    fuzz_seed_text("eyJhbGciOiJub25lIn0.eyJpc3MiOiJTRjp4In0.x");
}
