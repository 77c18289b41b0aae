/* RSA private keys for key-pair log-in. */
#ifndef THAW_SOURCE_PRIVATE_KEY_H
#define THAW_SOURCE_PRIVATE_KEY_H

#include "base/error.h"

/* Any PEM private key (PKCS#8, encrypted or not, or PKCS#1, likewise) as unencrypted PKCS#8 PEM text, which is what the
 * driver takes. `key` is PEM text, with real or literal \n newlines, or the path of a file with it; `passphrase` may be NULL.
 * *pkcs8 is the caller's to wipe and free. ERROR_CONFIG where the file can't be read, ERROR_AUTH where the key is no RSA key
 * or the passphrase is wrong. No message holds any of the key. */
bool private_key_to_pkcs8(const char *key, const char *passphrase, char **pkcs8, struct error *error) THAW_CHECK;

#endif
