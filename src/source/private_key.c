#include "source/private_key.h"

#include <errno.h>
#include <openssl/bio.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <stdio.h>
#include <string.h>

#include "base/memory.h"

enum { KEY_FILE_LIMIT = 64 * 1024 };

/* JSON and environment variables often carry the newlines as two characters. */
static char *with_real_newlines(const char *text) {
    size_t length = strlen(text);
    char *result = memory_allocate(length + 1), *to = result;
    for (const char *from = text; *from != '\0'; from++) {
        if (from[0] == '\\' && from[1] == 'r') {
            from++;
        } else if (from[0] == '\\' && from[1] == 'n') {
            *to++ = '\n';
            from++;
        } else {
            *to++ = *from;
        }
    }
    *to = '\0';
    return result;
}

static char *read_file(const char *path, struct error *error) {
    FILE *file = fopen(path, "re");
    if (file == NULL) {
        error_set(error, ERROR_CONFIG, "rsa_key: the file %s can't be opened: %s", path, strerror(errno));
        error_hint(error, "rsa_key takes the PEM text of a private key or the path of a file that holds it");
        return NULL;
    }
    char *text = memory_allocate(KEY_FILE_LIMIT + 1);
    size_t length = fread(text, 1, KEY_FILE_LIMIT + 1, file);
    bool failed = ferror(file) != 0;
    fclose(file);
    if (!failed && length > 0 && length <= KEY_FILE_LIMIT) {
        text[length] = '\0';
        return text;
    }
    memory_wipe(text, length);
    memory_release(&text);
    error_set(error, ERROR_CONFIG, "rsa_key: the file %s %s", path,
              failed        ? "can't be read"
              : length == 0 ? "is empty"
                            : "is too long to be a key");
    return NULL;
}

struct passphrase {
    const char *text;
    bool asked;
};

/* OpenSSL asks here where the key is encrypted, and never at the terminal. */
static int give_passphrase(char *buffer, int size, int writing, void *context) {
    struct passphrase *passphrase = context;
    (void)writing;
    passphrase->asked = true;
    size_t length = passphrase->text != NULL ? strlen(passphrase->text) : 0;
    if (passphrase->text == NULL || length > (size_t)size)
        return -1;
    memcpy(buffer, passphrase->text, length);
    return (int)length;
}

static bool write_pkcs8(EVP_PKEY *key, char **pkcs8, struct error *error) {
    BIO *output = BIO_new(BIO_s_secmem());
    char *bytes = NULL;
    bool ok = output != NULL && PEM_write_bio_PKCS8PrivateKey(output, key, NULL, NULL, 0, NULL, NULL) == 1;
    long length = ok ? BIO_get_mem_data(output, &bytes) : 0;
    if (ok && length > 0)
        *pkcs8 = memory_copy_bytes(bytes, (size_t)length);
    else
        ok = error_set(error, ERROR_INTERNAL, "rsa_key: OpenSSL can't write the key as PKCS#8");
    BIO_free(output);
    return ok;
}

static bool refuse(const struct passphrase *passphrase, const char *text, struct error *error) {
    if (passphrase->asked && passphrase->text == NULL) {
        error_set(error, ERROR_AUTH, "rsa_key: the private key is encrypted");
        return error_hint(error, "set rsa_key_passphrase");
    }
    if (passphrase->asked) {
        error_set(error, ERROR_AUTH,
                  "rsa_key: the private key can't be decrypted: rsa_key_passphrase is wrong, or the key "
                  "is damaged");
        return error_hint(error, "try: openssl pkey -in KEY.p8 -noout");
    }
    error_set(error, ERROR_AUTH, "rsa_key: %s",
              strstr(text, "PUBLIC KEY") != NULL ? "this is the public key; the private one is needed"
                                                 : "no private key could be read from it (PEM, PKCS#8 or PKCS#1)");
    return error_hint(error, "try: openssl pkey -in KEY.p8 -noout");
}

static bool convert(const char *text, const char *passphrase_text, char **pkcs8, struct error *error) {
    struct passphrase passphrase = {.text = passphrase_text, .asked = false};
    BIO *input = BIO_new_mem_buf(text, -1);
    EVP_PKEY *key = input != NULL ? PEM_read_bio_PrivateKey(input, NULL, give_passphrase, &passphrase) : NULL;
    bool ok;
    if (key == NULL)
        ok = refuse(&passphrase, text, error);
    else if (EVP_PKEY_get_base_id(key) != EVP_PKEY_RSA)
        ok = error_set(error, ERROR_AUTH, "rsa_key: the private key is of another kind (Snowflake takes RSA keys)");
    else
        ok = write_pkcs8(key, pkcs8, error);
    EVP_PKEY_free(key);
    BIO_free(input);
    ERR_clear_error();
    return ok;
}

bool private_key_to_pkcs8(const char *key, const char *passphrase, char **pkcs8, struct error *error) {
    *pkcs8 = NULL;
    bool is_text = strstr(key, "-----BEGIN") != NULL;
    char *text = is_text ? with_real_newlines(key) : read_file(key, error);
    if (text == NULL)
        return false;
    if (passphrase != NULL && passphrase[0] == '\0')
        passphrase = NULL;
    bool ok = convert(text, passphrase, pkcs8, error);
    memory_wipe(text, strlen(text));
    memory_release(&text);
    return ok;
}
