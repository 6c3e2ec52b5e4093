/* The same request by bare libcurl, on one handle: the floor for a warm call.
 *
 *   curl_baseline URL COUNT [sign|plain HEADER...]
 *
 * Prints microseconds a call, by the clock and of the processor; with `sign`, libcurl signs.
 */
#include <curl/curl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

static size_t discard(char *data, size_t size, size_t count, void *sink) {
    (void)data;
    (void)sink;
    return size * count;
}

static double seconds(clockid_t clock) {
    struct timespec now;
    clock_gettime(clock, &now);
    return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

int main(int argc, char **argv) {
    long count = argc > 2 ? atol(argv[2]) : 0;
    static const char body[] = "{\"locationType\":\"INGESTION\"}";
    if (count < 1) return 2;
    CURL *curl = curl_easy_init();
    struct curl_slist *headers = curl_slist_append(NULL, "Content-Type: application/json");
    for (int i = 4; i < argc; i++) headers = curl_slist_append(headers, argv[i]);
    curl_easy_setopt(curl, CURLOPT_URL, argv[1]);
    curl_easy_setopt(curl, CURLOPT_HTTPHEADER, headers);
    curl_easy_setopt(curl, CURLOPT_POSTFIELDS, body);
    curl_easy_setopt(curl, CURLOPT_POSTFIELDSIZE, (long)sizeof body - 1);
    curl_easy_setopt(curl, CURLOPT_WRITEFUNCTION, discard);
    if (argc > 3 && strcmp(argv[3], "sign") == 0) {
        curl_easy_setopt(curl, CURLOPT_AWS_SIGV4, "aws:amz:us-east-1:finspace-api");
        curl_easy_setopt(curl, CURLOPT_USERPWD,
                         "AKIDEXAMPLE:wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY");
    }
    curl_easy_perform(curl); /* connects */
    double began = seconds(CLOCK_MONOTONIC), used = seconds(CLOCK_PROCESS_CPUTIME_ID);
    for (long i = 0; i < count; i++) {
        if (curl_easy_perform(curl) != CURLE_OK) return 1;
    }
    printf("%.3f %.3f\n", (seconds(CLOCK_MONOTONIC) - began) * 1e6 / (double)count,
           (seconds(CLOCK_PROCESS_CPUTIME_ID) - used) * 1e6 / (double)count);
    curl_slist_free_all(headers);
    curl_easy_cleanup(curl);
    return 0;
}
