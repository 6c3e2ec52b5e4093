#include "http_transfer.h"

#include <stdlib.h>
#include <unistd.h>

struct http_client {
    http_options options;
    http_transfer *transfer;
    pid_t owner;
};

http_client *http_client_new(const http_options *options) {
    http_client *client = calloc(1, sizeof *client);
    if (!client) return NULL;
    if (!http_options_copy(&client->options, options)) {
        free(client);
        return NULL;
    }
    client->owner = getpid();
    return client;
}

void http_client_free(http_client *client) {
    if (!client) return;
    http_transfer_free(client->transfer, client->owner != getpid());
    http_options_free(&client->options);
    free(client);
}

http_transfer *http_client_begin(http_client *client) {
    pid_t pid = getpid();
    if (client->owner != pid) {
        http_transfer_free(client->transfer, true);
        client->transfer = NULL;
        client->owner = pid;
    }
    if (!client->transfer) client->transfer = http_transfer_new(&client->options);
    if (client->transfer) http_transfer_reset(client->transfer);
    return client->transfer;
}

bool http_client_perform(http_client *client) {
    http_transfer *t = client->transfer;
    if (http_transfer_start(t)) http_transfer_end(t, curl_easy_perform(t->easy));
    return t->error.kind == HTTP_OK;
}

void http_client_end(http_client *client) {
    if (client->transfer) http_transfer_reset(client->transfer);
}
