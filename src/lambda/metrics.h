/* What an invocation did, as one record in CloudWatch's embedded metric format, of which CloudWatch makes metrics:
 * https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/CloudWatch_Embedded_Metric_Format_Specification.html
 */
#ifndef THAW_LAMBDA_METRICS_H
#define THAW_LAMBDA_METRICS_H

#include <stdint.h>

#include "base/log.h"

struct metrics {
    const char *source; /* the names, sorted, with commas between them */
    const char *status;
    int64_t rows, bytes, chunks; /* what this invocation has loaded */
    int failures;                /* tables that failed; 1 where the run failed before there was one */
    int64_t duration_us;
};

/* Write the record. The process's peak memory is looked up here. */
void metrics_write(const struct metrics *metrics, struct log *log);

#endif
