/* The signature of spec/bench/signing.lua by the C core alone, without Lua.
 *
 *   signing_core COUNT BACKEND       prints microseconds a signature, by the clock and of the processor
 */
#include "digest.h"
#include "sigv4.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum { BODY = 386, TOKEN = 800, AUTHORIZATION = 2048 };

static double seconds(clockid_t clock) {
    struct timespec now;
    clock_gettime(clock, &now);
    return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

int main(int argc, char **argv) {
    static char body[BODY], token[TOKEN];
    long count = argc > 1 ? atol(argv[1]) : 0;
    const long long time = 1790000000;
    if (count < 1 || (argc > 2 && !digest_force_backend(argv[2]))) return 2;
    memset(body, 'b', sizeof body);
    memset(token, 't', sizeof token);
    const sigv4_pair headers[] = {
        {SLICE("host"), SLICE("finspace-api.us-east-1.amazonaws.com")},
        {SLICE("content-type"), SLICE("application/json")},
    };
    const sigv4_request request = {.method = SLICE("POST"),
                                   .path = SLICE("/datasets/dataset1/changesetsv2"),
                                   .headers = headers,
                                   .header_count = 2,
                                   .body = {body, sizeof body}};
    sigv4_key key;
    sigv4_key_derive(&key, SLICE("secret"), time, SLICE("us-east-1"), SLICE("finspace-api"));
    sigv4_signing how = {.access_key_id = SLICE("AKIDEXAMPLE"),
                         .session_token = {token, sizeof token},
                         .region = SLICE("us-east-1"),
                         .service = SLICE("finspace-api"),
                         .key = &key,
                         .time = time};
    sigv4_signing_defaults(&how, how.service);
    double began = seconds(CLOCK_MONOTONIC), used = seconds(CLOCK_PROCESS_CPUTIME_ID);
    for (long i = 0; i < count; i++) {
        char storage[AUTHORIZATION];
        buf authorization;
        buf_init_fixed(&authorization, storage, sizeof storage);
        sigv4_signature out = {.authorization = &authorization};
        if (sigv4_sign(&request, &how, &out) != SIGV4_OK) return 1;
    }
    printf("%.4f %.4f\n", (seconds(CLOCK_MONOTONIC) - began) * 1e6 / (double)count,
           (seconds(CLOCK_PROCESS_CPUTIME_ID) - used) * 1e6 / (double)count);
    return 0;
}
