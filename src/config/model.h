/* Parts of the configuration as objects of their own. Private to this folder. */
#ifndef THAW_CONFIG_MODEL_H
#define THAW_CONFIG_MODEL_H

#include "config/config.h"

void config_source_release(struct config_source *source);
void config_feed_release(struct config_feed *feed);
void config_table_release(struct config_table *table);
/* A driver option whose value may be a secret, judged by its name. */
bool config_option_is_secret(const char *name);

#endif
