#include "source/token.h"

#include <jansson.h>
#include <openssl/evp.h>
#include <string.h>

#include "base/memory.h"

/* The claims of a JWT (RFC 7519), unverified; NULL where `token` is none. */
static json_t *jwt_claims(const char *token) {
    const char *start = strchr(token, '.');
    const char *end = start != NULL ? strchr(start + 1, '.') : NULL;
    if (strncmp(token, "eyJ", 3) != 0 || end == NULL)
        return NULL;
    size_t length = (size_t)(end - start - 1), padded = (length + 3) / 4 * 4;
    char *text = memory_allocate(padded + 1);
    for (size_t i = 0; i < padded; i++) {
        char c = i < length ? start[1 + i] : '=';
        text[i] = (char)(c == '-' ? '+' : c == '_' ? '/' : c);
    }
    unsigned char *decoded = memory_allocate(padded);
    int decoded_length = padded < 1 << 20 ? EVP_DecodeBlock(decoded, (unsigned char *)text, (int)padded) : -1;
    /* EVP_DecodeBlock counts the padding as zero bytes. */
    decoded_length -= (int)(padded - length);
    json_t *claims = decoded_length > 0 ? json_loadb((char *)decoded, (size_t)decoded_length, 0, NULL) : NULL;
    memory_wipe(text, padded);
    memory_wipe(decoded, padded);
    memory_release(&text);
    memory_release(&decoded);
    return claims;
}

bool token_is_oauth(const char *token) {
    if (strncmp(token, "ver:", 4) == 0)
        return true;
    json_t *claims = jwt_claims(token);
    if (claims == NULL)
        return false;
    const char *issuer = json_string_value(json_object_get(claims, "iss"));
    bool ours = issuer != NULL && strncmp(issuer, "SF:", 3) == 0;
    json_decref(claims);
    return !ours;
}
