/* Seals a burst of RTP packets for each viewer and hands it to the kernel: the hot loop of sfu/media/sealing.py, compiled.
 *
 * The Python there does the same to the bit and is what runs where this was not built; the same tests hold both.
 * Here is no policy and no state: who gets what was decided before, and whom this cannot serve is left to the caller.
 *
 * AES-GCM (RFC 7714) is OpenSSL's as the given library carries it, by its public EVP functions; no header of OpenSSL is
 * needed to build this, and nothing is linked.
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <netinet/in.h>
#include <netinet/udp.h>
#include <stdint.h>
#include <string.h>
#include <sys/socket.h>

#ifndef UDP_SEGMENT
#define UDP_SEGMENT 103 /* linux/udp.h; older C libraries do not name it */
#endif

enum { SALT = 12, TAG = 16, GET_TAG = 0x10 /* EVP_CTRL_AEAD_GET_TAG */ };
enum { TOGETHER = 8, ROOM = 1 << 16 }; /* messages a system call; the most that a UDP message can be */

struct destination { /* one viewer: its key, and where its packets go */
    void *cipher;
    uint64_t rollover; /* what is taken off an index, so that its rollover counter begins at 0 */
    uint8_t salt[SALT];
    uint32_t address_length;
    uint8_t address[sizeof(struct sockaddr_in6)];
};

struct burst { /* a run of packets, equal for all viewers until it is sealed */
    const uint8_t *plain;    /* header, payload, header, payload ... */
    const uint16_t *headers; /* their lengths */
    const uint16_t *payloads;
    const uint64_t *indices; /* rollover counter and sequence on the RTP stream, before the viewer's own is taken off */
    uint32_t packets;
    uint32_t ssrc;
};

static struct functions {
    void *(*new)(void);
    void (*free)(void *);
    void *(*fetch)(void *, const char *, const char *);
    int (*init)(void *, const void *, void *, const uint8_t *, const uint8_t *);
    int (*update)(void *, uint8_t *, int *, const uint8_t *, int);
    int (*final)(void *, uint8_t *, int *);
    int (*control)(void *, int, int, void *);
    void *aes128, *aes256;
} evp; /* set by the first fanout_open() that succeeds, constant afterwards */

/* 0, or what is missing. *library* is loaded already: the file of the module that has OpenSSL inside. */
const char *fanout_open(const char *library)
{
    struct functions found;
    void *handle = dlopen(library, RTLD_LAZY | RTLD_NOLOAD);
    if (!handle)
        return "the library with OpenSSL is not loaded";
#define FIND(member, name)                                                                                             \
    if (!(*(void **)&found.member = dlsym(handle, name)))                                                                \
        return name;
    FIND(new, "EVP_CIPHER_CTX_new")
    FIND(free, "EVP_CIPHER_CTX_free")
    FIND(fetch, "EVP_CIPHER_fetch")
    FIND(init, "EVP_EncryptInit_ex")
    FIND(update, "EVP_EncryptUpdate")
    FIND(final, "EVP_EncryptFinal_ex")
    FIND(control, "EVP_CIPHER_CTX_ctrl")
#undef FIND
    if (evp.new)
        return NULL;
    found.aes128 = found.fetch(NULL, "AES-128-GCM", NULL);
    found.aes256 = found.fetch(NULL, "AES-256-GCM", NULL);
    if (!found.aes128 || !found.aes256)
        return "AES-GCM";
    evp = found;
    return NULL;
}

/* A cipher with *key* of 16 or 32 bytes, to be freed; 0 where memory is out. */
void *fanout_cipher(const uint8_t *key, int length)
{
    void *cipher = evp.new();
    if (cipher && !evp.init(cipher, length == 32 ? evp.aes256 : evp.aes128, NULL, key, NULL)) {
        evp.free(cipher);
        cipher = NULL;
    }
    return cipher;
}

void fanout_free(void *cipher)
{
    evp.free(cipher);
}

/* RFC 7714, section 8.1: two zero bytes, SSRC, rollover counter, sequence; all of it xor the salt. */
static void make_nonce(uint8_t *nonce, const uint8_t *salt, uint32_t ssrc, uint64_t index)
{
    const uint8_t parts[SALT] = {0, 0, ssrc >> 24, ssrc >> 16, ssrc >> 8, ssrc,
                                 index >> 40, index >> 32, index >> 24, index >> 16, index >> 8, index};
    for (int at = 0; at < SALT; at++)
        nonce[at] = salt[at] ^ parts[at];
}

/* The burst as *to* gets it; its length, 0 where OpenSSL or the room would not do. */
static size_t seal(const struct burst *burst, const struct destination *to, uint8_t *out)
{
    const uint8_t *in = burst->plain, *begin = out;
    for (uint32_t at = 0; at < burst->packets; at++) {
        int header = burst->headers[at], payload = burst->payloads[at], done;
        uint8_t nonce[SALT];
        if ((size_t)(out - begin) + header + payload + TAG > ROOM)
            return 0;
        make_nonce(nonce, to->salt, burst->ssrc, burst->indices[at] - to->rollover);
        memcpy(out, in, header);
        if (!evp.init(to->cipher, NULL, NULL, NULL, nonce) || !evp.update(to->cipher, NULL, &done, in, header) ||
            !evp.update(to->cipher, out + header, &done, in + header, payload) ||
            !evp.final(to->cipher, out + header + payload, &done) ||
            !evp.control(to->cipher, GET_TAG, TAG, out + header + payload))
            return 0;
        in += header + payload;
        out += header + payload + TAG;
    }
    return out - begin;
}

/* Send a run of packets as one message to each of *count* destinations, in order; how many the kernel took. The next one
 * is one that it did not take, whatever the cause. */
int fanout_send(int socket, uint32_t ssrc, uint16_t segment, const uint8_t *plain, uint32_t packets,
                const uint16_t *headers, const uint16_t *payloads, const uint64_t *indices,
                struct destination *const *destinations, int count)
{
    const struct burst burst = {plain, headers, payloads, indices, packets, ssrc};
    static uint8_t room[TOGETHER * ROOM]; /* one thread sends */
    struct iovec parts[TOGETHER];
    struct mmsghdr messages[TOGETHER];
    union {
        char bytes[CMSG_SPACE(sizeof(uint16_t))];
        struct cmsghdr first;
    } control = {0};
    if (segment) {
        control.first = (struct cmsghdr){
            .cmsg_len = CMSG_LEN(sizeof segment), .cmsg_level = IPPROTO_UDP, .cmsg_type = UDP_SEGMENT};
        memcpy(CMSG_DATA(&control.first), &segment, sizeof segment);
    }
    int done = 0;
    while (done < count) {
        uint8_t *out = room;
        int ready = 0, taken;
        for (; ready < TOGETHER && done + ready < count; ready++) {
            struct destination *destination = destinations[done + ready];
            size_t length = seal(&burst, destination, out);
            if (!length)
                break;
            parts[ready] = (struct iovec){out, length};
            messages[ready].msg_hdr = (struct msghdr){.msg_name = destination->address,
                                                      .msg_namelen = destination->address_length,
                                                      .msg_iov = &parts[ready],
                                                      .msg_iovlen = 1,
                                                      .msg_control = segment ? &control : NULL,
                                                      .msg_controllen = segment ? sizeof control : 0};
            out += length;
        }
        if (!ready || (taken = sendmmsg(socket, messages, ready, 0)) <= 0)
            break;
        done += taken;
    }
    return done;
}
