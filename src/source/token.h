/* Which kind of token a source's `token` is. */
#ifndef THAW_SOURCE_TOKEN_H
#define THAW_SOURCE_TOKEN_H

#include <stdbool.h>

/* Both kinds are opaque to clients, so this goes by their look:
 *   - "ver:1-hint:..." is Snowflake's own OAuth (https://docs.snowflake.com/en/user-guide/oauth-snowflake-overview);
 *   - a JWT whose issuer is "SF:..." is a programmatic access token (https://docs.snowflake.com/en/user-guide/programmatic-access-tokens);
 *   - any other JWT was issued by somebody else: External OAuth (https://docs.snowflake.com/en/user-guide/oauth-ext-overview);
 *   - anything else is taken for a programmatic access token.
 * The driver option adbc.snowflake.sql.auth_type overrides it. */
bool token_is_oauth(const char *token);

#endif
