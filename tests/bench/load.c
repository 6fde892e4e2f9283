/* SPDX-License-Identifier: Apache-2.0
 * Load for the benchmarks, cheap enough to share two cores with what it measures. Prints one JSON object.
 *
 * load http PORT SECRET CONNECTIONS SECONDS PEOPLE BYTES [RATE]
 *   Signed webhooks of one message each. PEOPLE 0: each of a new person. RATE: open loop, so many a second;
 *   else each connection sends as soon as it was answered.
 * load words …
 *   The same with texts of as many different words as messages have on average: 33 in 300 bytes.
 * load latency PORT SECRET CONNECTIONS SECONDS PEOPLE BYTES RATE OP TOKEN...
 *   The same, open loop, while agents listen (a token for each): from a webhook's 200 to its entry's frame.
 * load redis SOCKET CONNECTIONS FILE
 *   Replays recorded commands, each once. FILE has "<lane> <bytes>\n<RESP>"; a lane stays on one connection,
 *   in order. */
#include <errno.h>
#include <fcntl.h>
#include <math.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

#define CONNECTIONS_MAX 1024
#define OUT_MAX         65536
#define SAMPLES_MAX     4000000

static double now(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static void die(const char *what)
{
    perror(what);
    exit(1);
}

static float *samples;
static size_t samples_n, good, bad, errors;

static void sample(double seconds)
{
    if (samples_n < SAMPLES_MAX)
        samples[samples_n++] = (float)seconds;
}

static int by_value(const void *a, const void *b)
{
    float x = *(const float *)a, y = *(const float *)b;
    return (x > y) - (x < y);
}

static double quantile(double q)
{
    return samples_n ? (double)samples[(size_t)(q * (double)(samples_n - 1))] * 1000 : 0;
}

static void report_start(double seconds)
{
    qsort(samples, samples_n, sizeof *samples, by_value);
    printf("{\"done\":%zu,\"refused\":%zu,\"errors\":%zu,\"seconds\":%.3f,\"per_second\":%.1f,\"p50_ms\":%."
           "3f,\"p99_ms\":%.3f,\"p999_ms\":%.3f,\"max_ms\":%.3f",
           good, bad, errors, seconds, (double)good / seconds, quantile(0.5), quantile(0.99), quantile(0.999),
           quantile(1));
}

static void report(double seconds)
{
    report_start(seconds);
    puts("}");
}

struct agent;
struct conn {
    int fd;
    bool busy;
    double began;
    char in[16384];
    size_t in_n;
    size_t lane;         /* redis: the next of its commands */
    unsigned long n;     /* http: the message under way */
    struct agent *agent; /* latency: this is an agent's socket */
};

static struct conn conns[CONNECTIONS_MAX];
static int ep, connections;

static void watch(struct conn *c)
{
    struct epoll_event e = {.events = EPOLLIN, .data.ptr = c};
    if (epoll_ctl(ep, EPOLL_CTL_ADD, c->fd, &e) != 0)
        die("epoll_ctl");
}

static void write_all(struct conn *c, const char *p, size_t n)
{
    while (n) {
        ssize_t k = write(c->fd, p, n);
        if (k < 0 && (errno == EAGAIN || errno == EINTR))
            continue; /* small requests into an empty socket: this hardly happens */
        if (k < 0)
            die("write");
        p += k;
        n -= (size_t)k;
    }
}

/* ---- http ---- */

static unsigned char key[64];
static int key_n;
static unsigned long next_id, people;
static size_t text_bytes;
static char filler[8192];
static EVP_MAC_CTX *mac;

static bool marked; /* texts begin with "#" and the message's number */

static const char usual[] =
    "السلام عليكم أريد أن أعرف متى موعد التسجيل الجديد لعائلتي وما هي الأوراق المطلوبة من فضلكم ";
static const char many[] =
    "السلام أريد أن متى موعد عن الماء الخبز الولد البنت البيت اليوم الليل الباب الدرب الشمس "
    "القمر النهر بحر حقل ورق قلم عمل مال سعر سوق ثوب حليب دواء طبيب كتاب مدير رقم ";
static const char *words = usual;

static size_t request(char *out)
{
    char body[OUT_MAX / 2], id[64], stamp[24], signed_text[OUT_MAX / 2 + 128];
    unsigned char hash[32];
    char b64[64];
    size_t hash_n;
    unsigned long n = next_id++, person = people ? n % people : n;
    if (!filler[0])
        for (size_t i = 0, size = strlen(words); i + size < sizeof filler; i += size)
            memcpy(filler + i, words, size);
    char mark[24] = "";
    if (marked)
        snprintf(mark, sizeof mark, "#%lu ", n);
    size_t cut = text_bytes - strlen(mark);
    while (cut && ((unsigned char)filler[cut] & 0xC0) == 0x80)
        cut--;
    int body_n = snprintf(body, sizeof body,
                          "{\"messages\":[{\"id\":\"m%lx-%lu\",\"from\":{\"address\":\"tel:+90555%07lu\","
                          "\"name\":\"Person %lu\"},\"text\":\"%s%.*s\"}]}",
                          (unsigned long)getpid(), n, person, person, mark, (int)cut, filler);
    snprintf(id, sizeof id, "msg_%lx%lu", (unsigned long)getpid(), n);
    snprintf(stamp, sizeof stamp, "%ld", (long)time(NULL));
    int signed_n = snprintf(signed_text, sizeof signed_text, "%s.%s.%.*s", id, stamp, body_n, body);
    EVP_MAC_init(mac, key, (size_t)key_n, NULL);
    EVP_MAC_update(mac, (unsigned char *)signed_text, (size_t)signed_n);
    EVP_MAC_final(mac, hash, &hash_n, sizeof hash);
    EVP_EncodeBlock((unsigned char *)b64, hash, 32);
    return (size_t)snprintf(
        out, OUT_MAX,
        "POST /hooks/demo/app HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: application/json\r\nwebhook-id: "
        "%s\r\n"
        "webhook-timestamp: %s\r\nwebhook-signature: v1,%s\r\nContent-Length: %d\r\n\r\n%.*s",
        id, stamp, b64, body_n, body_n, body);
}

static void http_send(struct conn *c, double began)
{
    static char out[OUT_MAX];
    c->n = next_id;
    write_all(c, out, request(out));
    c->busy = true;
    c->began = began;
}

/* A whole answer? Its status; 0 not yet. */
static int http_answer(struct conn *c)
{
    c->in[c->in_n] = '\0';
    char *end = strstr(c->in, "\r\n\r\n"), *length = strcasestr(c->in, "content-length:");
    if (!end)
        return 0;
    size_t body = length && length < end ? strtoul(length + 15, NULL, 10) : 0,
           whole = (size_t)(end + 4 - c->in) + body;
    if (c->in_n < whole)
        return 0;
    int status = atoi(c->in + 9);
    memmove(c->in, c->in + whole, c->in_n - whole);
    c->in_n -= whole;
    return status;
}

static void tcp(struct conn *c, int port)
{
    struct sockaddr_in a = {
        .sin_family = AF_INET, .sin_port = htons((uint16_t)port), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    int on = 1;
    c->fd = socket(AF_INET, SOCK_STREAM, 0);
    if (c->fd < 0 || connect(c->fd, (struct sockaddr *)&a, sizeof a) != 0)
        die("connect");
    setsockopt(c->fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    fcntl(c->fd, F_SETFL, O_NONBLOCK);
    watch(c);
}

static bool read_some(struct conn *c)
{
    ssize_t k = read(c->fd, c->in + c->in_n, sizeof c->in - c->in_n - 1);
    if (k > 0)
        c->in_n += (size_t)k;
    return k > 0 || (k < 0 && errno == EAGAIN);
}

static double *answered_at; /* latency: by the message's number */
static unsigned long answered_max;

static void http_finish(struct conn *c, int status)
{
    c->busy = false;
    sample(now() - c->began);
    if (answered_at && c->n < answered_max)
        answered_at[c->n] = now();
    if (status == 200)
        good++;
    else
        bad++;
}

static struct conn *idle(void)
{
    static int at;
    for (int i = 0; i < connections; i++) {
        struct conn *c = &conns[(at + i) % connections];
        if (!c->busy) {
            at = (at + i + 1) % connections;
            return c;
        }
    }
    return NULL;
}

/* ---- agents who listen ---- */

struct agent {
    struct conn c;
    char *in;
    size_t in_n, cap;
};

static struct agent *agents;
static int agents_n;
static double *told_at;
static double pinged;

/* One frame from us, masked with zeros. */
static void ws_write(struct agent *a, int opcode, const char *p, size_t n)
{
    char out[512] = {(char)(0x80 | opcode)};
    size_t head = n < 126 ? 6 : 8;
    if (n + head > sizeof out)
        die("frame");
    out[1] = (char)(0x80 | (n < 126 ? n : 126));
    if (n >= 126) {
        out[2] = (char)(n >> 8);
        out[3] = (char)n;
    }
    memcpy(out + head, p, n);
    write_all(&a->c, out, n + head);
}

static void ws_say(struct agent *a, const char *text)
{
    ws_write(a, 1, text, strlen(text));
}

static void ws_open(struct agent *a, int port, const char *op, const char *token)
{
    char head[1024];
    size_t n = 0;
    tcp(&a->c, port);
    a->c.agent = a;
    a->cap = 1 << 20;
    a->in = malloc(a->cap);
    fcntl(a->c.fd, F_SETFL, 0);
    snprintf(head, sizeof head,
             "GET /ws/agent/%s HTTP/1.1\r\nHost: 127.0.0.1\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
             "Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\nSec-WebSocket-Version: 13\r\n"
             "Sec-WebSocket-Protocol: parley.agent.v1\r\nAuthorization: Bearer %s\r\n\r\n",
             op, token);
    write_all(&a->c, head, strlen(head));
    while (n < sizeof head - 1 && (n < 4 || memcmp(head + n - 4, "\r\n\r\n", 4) != 0)) {
        if (read(a->c.fd, head + n, 1) != 1)
            die("upgrade");
        n++;
    }
    if (memcmp(head, "HTTP/1.1 101", 12) != 0) {
        head[n] = '\0';
        fprintf(stderr, "%s", head);
        exit(1);
    }
    fcntl(a->c.fd, F_SETFL, O_NONBLOCK);
    ws_say(a, "{\"type\":\"hello\",\"after\":null}");
}

static void ws_frame(struct agent *a, int opcode, const char *p, size_t n)
{
    static const char added[] = "{\"type\":\"entry.added\"", text[] = "\"text\":\"#";
    const char *at;
    if (opcode == 9) {
        ws_write(a, 10, p, n < 125 ? n : 125);
    } else if (n > sizeof added && memcmp(p, added, sizeof added - 1) == 0 &&
               (at = memmem(p, n, text, sizeof text - 1))) {
        unsigned long m = strtoul(at + sizeof text - 1, NULL, 10);
        if (m < answered_max && told_at[m] == 0)
            told_at[m] = now();
    }
}

static bool ws_read(struct agent *a)
{
    if (a->in_n == a->cap)
        a->in = realloc(a->in, a->cap *= 2);
    ssize_t k = read(a->c.fd, a->in + a->in_n, a->cap - a->in_n);
    if (k <= 0)
        return k < 0 && errno == EAGAIN;
    a->in_n += (size_t)k;
    size_t at = 0;
    while (a->in_n - at >= 2) {
        const unsigned char *h = (unsigned char *)a->in + at;
        size_t head = h[1] == 127 ? 10 : h[1] == 126 ? 4 : 2, n = h[1];
        if (a->in_n - at < head)
            break;
        if (head > 2)
            for (size_t i = n = 0; i < head - 2; i++)
                n = n << 8 | h[2 + i];
        if (a->in_n - at < head + n)
            break;
        ws_frame(a, h[0] & 15, a->in + at + head, n);
        at += head + n;
    }
    memmove(a->in, a->in + at, a->in_n - at);
    a->in_n -= at;
    return true;
}

static void agents_ping(double t)
{
    if (t - pinged < 15)
        return;
    pinged = t;
    for (int i = 0; i < agents_n; i++)
        ws_say(&agents[i], "{\"type\":\"ping\"}");
}

/* ---- both ---- */

static int open_n; /* requests that wait for their answers */

static void report_told(void)
{
    size_t lost = 0, told = samples_n = 0;
    for (unsigned long i = 0; i < next_id; i++) {
        if (told_at[i] > 0 && answered_at[i] > 0) {
            sample(told_at[i] > answered_at[i] ? told_at[i] - answered_at[i] : 0);
            told++;
        } else {
            lost++;
        }
    }
    qsort(samples, samples_n, sizeof *samples, by_value);
    printf(",\"told\":%zu,\"lost\":%zu,\"told_p50_ms\":%.3f,\"told_p99_ms\":%.3f,\"told_p999_ms\":%.3f,"
           "\"told_max_ms\":%.3f",
           told, lost, quantile(0.5), quantile(0.99), quantile(0.999), quantile(1));
}

/* What one connection has for us; `again`: it sends its next request when it was answered. */
static void http_ready(struct conn *c, bool again)
{
    if (c->agent && ws_read(c->agent))
        return;
    if (c->agent || !read_some(c)) {
        errors++;
        epoll_ctl(ep, EPOLL_CTL_DEL, c->fd, NULL);
        close(c->fd);
        open_n -= c->busy;
        c->busy = true; /* out of use */
        return;
    }
    int status = http_answer(c);
    if (!status)
        return;
    http_finish(c, status);
    open_n--;
    if (again) {
        http_send(c, now());
        open_n++;
    }
}

/* Sends what is due. From when it was due: an overloaded server can't hide behind us. */
static double send_due(double due, double rate, double t)
{
    struct conn *c;
    while (due <= t && (c = idle())) {
        http_send(c, due);
        open_n++;
        due += 1 / rate;
    }
    return due;
}

static void run_http(int port, double seconds, double rate)
{
    struct epoll_event events[256];
    double began = now(), end = began + seconds, due = began, last = end + (agents_n ? 2 : 0);
    for (int i = 0; i < connections; i++)
        tcp(&conns[i], port);
    for (int i = 0; i < connections && rate <= 0; i++, open_n++)
        http_send(&conns[i], now());
    for (;;) {
        double t = now();
        if (rate > 0 && t < end)
            due = send_due(due, rate, t);
        agents_ping(t);
        if (t >= last && open_n == 0) /* the last frames may have been on their way */
            break;
        if (t >= end + 10) {
            errors += (size_t)open_n;
            break;
        }
        int n = epoll_wait(ep, events, 256, rate > 0 ? 1 : 100);
        for (int i = 0; i < n; i++)
            http_ready(events[i].data.ptr, rate <= 0 && now() < end);
    }
    report_start(now() - began);
    if (agents_n)
        report_told();
    puts("}");
}

/* ---- redis ---- */

struct command {
    char *p;
    size_t n;
    size_t next; /* of the same connection; SIZE_MAX none */
};
static struct command *commands;
static size_t commands_n;

static void read_commands(const char *file)
{
    FILE *f = fopen(file, "rb");
    unsigned lane;
    size_t n, cap = 0, last[CONNECTIONS_MAX];
    if (!f)
        die(file);
    for (int i = 0; i < connections; i++) {
        conns[i].lane = SIZE_MAX;
        last[i] = SIZE_MAX;
    }
    while (fscanf(f, "%u %zu", &lane, &n) == 2 && fgetc(f) == '\n') {
        if (commands_n == cap) {
            cap = cap ? cap * 2 : 4096;
            commands = realloc(commands, cap * sizeof *commands);
            if (!commands)
                die("memory");
        }
        struct command *c = &commands[commands_n];
        *c = (struct command){malloc(n), n, SIZE_MAX};
        if (!c->p || fread(c->p, 1, n, f) != n)
            die("short file");
        unsigned at = lane % (unsigned)connections;
        if (last[at] == SIZE_MAX)
            conns[at].lane = commands_n;
        else
            commands[last[at]].next = commands_n;
        last[at] = commands_n++;
    }
    fclose(f);
}

/* Length of the whole reply at p, 0 when it isn't all there. */
static size_t reply_length(const char *p, size_t n)
{
    const char *line = memmem(p, n, "\r\n", 2);
    if (!n || !line)
        return 0;
    size_t head = (size_t)(line - p) + 2;
    long k = strtol(p + 1, NULL, 10);
    if (p[0] == '$')
        return k < 0 ? head : head + (size_t)k + 2 <= n ? head + (size_t)k + 2 : 0;
    if (p[0] != '*')
        return head;
    for (long i = 0; i < k; i++) {
        size_t m = reply_length(p + head, n - head);
        if (!m)
            return 0;
        head += m;
    }
    return head;
}

static bool redis_next(struct conn *c)
{
    if (c->lane == SIZE_MAX)
        return false;
    const struct command *cmd = &commands[c->lane];
    c->lane = cmd->next;
    c->began = now();
    write_all(c, cmd->p, cmd->n);
    return true;
}

static void run_redis(const char *socket_path)
{
    struct epoll_event events[256];
    struct sockaddr_un a = {.sun_family = AF_UNIX};
    int open = 0;
    snprintf(a.sun_path, sizeof a.sun_path, "%s", socket_path);
    for (int i = 0; i < connections; i++) {
        conns[i].fd = socket(AF_UNIX, SOCK_STREAM, 0);
        if (conns[i].fd < 0 || connect(conns[i].fd, (struct sockaddr *)&a, sizeof a) != 0)
            die("connect");
        watch(&conns[i]);
    }
    double began = now();
    for (int i = 0; i < connections; i++)
        open += redis_next(&conns[i]);
    while (open) {
        int n = epoll_wait(ep, events, 256, 5000);
        if (n <= 0)
            die("no answer");
        for (int i = 0; i < n; i++) {
            struct conn *c = events[i].data.ptr;
            if (!read_some(c))
                die("read");
            size_t m = reply_length(c->in, c->in_n);
            if (!m)
                continue;
            sample(now() - c->began);
            if (c->in[0] == '-')
                bad++;
            else
                good++;
            memmove(c->in, c->in + m, c->in_n - m);
            c->in_n -= m;
            open--;
            open += redis_next(c);
        }
    }
    report(now() - began);
}

static void http_arguments(char **argv)
{
    const char *secret = argv[3] + 6; /* behind "whsec_" */
    connections = atoi(argv[4]);
    people = strtoul(argv[6], NULL, 10);
    text_bytes = strtoul(argv[7], NULL, 10);
    key_n = EVP_DecodeBlock(key, (const unsigned char *)secret, (int)strlen(secret));
    for (size_t i = strlen(secret); i && secret[i - 1] == '='; i--)
        key_n--;
    EVP_MAC *m = EVP_MAC_fetch(NULL, "HMAC", NULL);
    OSSL_PARAM p[] = {OSSL_PARAM_construct_utf8_string("digest", (char *)"SHA256", 0),
                      OSSL_PARAM_construct_end()};
    mac = EVP_MAC_CTX_new(m);
    EVP_MAC_CTX_set_params(mac, p);
}

int main(int argc, char **argv)
{
    samples = malloc(SAMPLES_MAX * sizeof *samples);
    ep = epoll_create1(0);
    if (argc >= 8 && (strcmp(argv[1], "http") == 0 || strcmp(argv[1], "words") == 0)) {
        words = argv[1][0] == 'w' ? many : usual;
        http_arguments(argv);
        run_http(atoi(argv[2]), atof(argv[5]), argc > 8 ? atof(argv[8]) : 0);
        return 0;
    }
    if (argc >= 11 && strcmp(argv[1], "latency") == 0) {
        http_arguments(argv);
        marked = true;
        answered_max = (unsigned long)(atof(argv[5]) * atof(argv[8]) * 1.1) + 1000;
        answered_at = calloc(answered_max, sizeof *answered_at);
        told_at = calloc(answered_max, sizeof *told_at);
        agents_n = argc - 10;
        agents = calloc((size_t)agents_n, sizeof *agents);
        for (int i = 0; i < agents_n; i++)
            ws_open(&agents[i], atoi(argv[2]), argv[9], argv[10 + i]);
        pinged = now();
        run_http(atoi(argv[2]), atof(argv[5]), atof(argv[8]));
        return 0;
    }
    if (argc == 5 && strcmp(argv[1], "redis") == 0) {
        connections = atoi(argv[3]);
        read_commands(argv[4]);
        run_redis(argv[2]);
        return 0;
    }
    fprintf(stderr, "usage: load http|words PORT SECRET CONNECTIONS SECONDS PEOPLE BYTES [RATE]\n"
                    "       load latency PORT SECRET CONNECTIONS SECONDS PEOPLE BYTES RATE OP TOKEN...\n"
                    "       load redis SOCKET CONNECTIONS FILE\n");
    return 2;
}
