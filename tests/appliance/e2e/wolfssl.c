/* A client as a small device has one: wolfssl PORT AUTHORITY 2|3. Reads a greeting, then by TLS 1.3 a second one in a session
   that goes on from the first. Prints what it read, and `resumed` for the second. */
#include <wolfssl/options.h>
#include <wolfssl/ssl.h>

#include <arpa/inet.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

static WOLFSSL_SESSION *session;

static int greet(WOLFSSL_CTX *all, int port) {
    struct sockaddr_in peer = {.sin_family = AF_INET};
    struct timeval patience = {10, 0};
    char text[512] = "";
    int plug = socket(AF_INET, SOCK_STREAM, 0), got;
    WOLFSSL *tls;

    peer.sin_port = htons((unsigned short)port);
    peer.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    setsockopt(plug, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
    if (connect(plug, (struct sockaddr *)&peer, sizeof peer))
        return 1;
    tls = wolfSSL_new(all);
    wolfSSL_set_fd(tls, plug);
    if (session)
        wolfSSL_set_session(tls, session);
    if (wolfSSL_connect(tls) != WOLFSSL_SUCCESS)
        return 2;
    got = wolfSSL_read(tls, text, sizeof text - 1);
    if (got <= 0) {
        printf("read fails with %d\n", wolfSSL_get_error(tls, got));
        return 3;
    }
    printf("%s%s", wolfSSL_session_reused(tls) ? "resumed: " : "", text);
    session = wolfSSL_get1_session(tls);
    wolfSSL_shutdown(tls);
    wolfSSL_free(tls);
    close(plug);
    return 0;
}

int main(int count, char **words) {
    WOLFSSL_CTX *all;
    int newest, failed;

    if (count != 4)
        return 64;
    newest = !strcmp(words[3], "3");
    wolfSSL_Init();
    all = wolfSSL_CTX_new(newest ? wolfTLSv1_3_client_method() : wolfTLSv1_2_client_method());
    if (wolfSSL_CTX_load_verify_locations(all, words[2], NULL) != WOLFSSL_SUCCESS)
        return 65;
    failed = greet(all, atoi(words[1]));
    return failed || !newest ? failed : greet(all, atoi(words[1]));
}
