/* limits: every bound of ours in one place, each with its reason. */
#ifndef BASE_LIMITS_H
#define BASE_LIMITS_H

/* Xk (xk/xk.asn1, docs/PROTOCOL.md). */
#define MAX_XK_PDU 131072 /* octets with tag and length: the contract */
#define MAX_MIKEY 16384 /* octets of one MIKEY message: the contract */
#define MAX_PUBLIC_ID 255 /* octets of a public KMS identity: the contract */
#define MAX_LIID 25 /* octets: LawfulInterceptionIdentifier */
#define MAX_REFUSAL_TEXT 255 /* octets: the contract */
#define MAX_CS 255 /* #CS is one octet */
#define MAX_SP 16 /* policies a message names; real ones name 1 */
#define MAX_SP_LEN 1024 /* octets of SP that an answer can carry */
#define MAX_MKI 255 /* octets: SPI length is one octet */

/* Points of the curves for xP and yP: P-521 is the longest. */
#define MAX_POINT 133
#define MAX_SCALAR 66

/* Warrants and the registry. */
#define MAX_SIGNED_DOC 65536 /* a CMS: two signers with chains are a tenth */
#define MAX_REQUEST 32768 /* octets that persons sign */
#define MAX_REQUEST_DAYS 30 /* from issue to expiry */
#define MAX_APPROVALS 8 /* CMS documents of one request */
#define MAX_EVIDENCE 131072 /* octets of them: a message holds a change */
#define MAX_REQUESTS 1024 /* that wait for approval */
#define MAX_REQUESTS_OF_ONE 512 /* so that nobody fills the list alone */
#define MAX_CHANGES 4194304 /* of the warrant state, ever */
#define MAX_WARRANT_TARGETS 16
#define MAX_WARRANT_IDS 64 /* public identities of one target */
#define MAX_WARRANT_XIDS 64 /* interceptions at CSCFs for one target */
#define MAX_WARRANT_LEMFS 8
#define MAX_WARRANT_CLIENTS 64 /* DF2/MFs that one warrant may name */
#define MAX_WARRANTS 131072 /* held at once */
#define MAX_NAME 64 /* an enrolled client's or person's name */
#define MAX_PERSONS 1024 /* enrolled, ever */
#define MAX_INIT_PERSONS 64 /* enrolled by init */
#define MAX_DEVICES 16 /* devices that share a subscriber's seed */
#define MAX_SEED_LABEL 64 /* octets: the contract */
#define MAX_CERT 8192 /* DER of one certificate */

/* Between processes. */
#define MAX_IPC_BODY (512 * 1024) /* a getKeys, a warrant and a record fit */
#define MAX_IPC_QUEUE (16 * 1024 * 1024)
#define MAX_CONNECTIONS 4096 /* of clients to xk; a power of two */
#define MAX_TRANSCRIPT 131072 /* octets of a TLS handshake; real ones: 8192 */
#define MAX_WORKERS 64 /* hsm worker processes */
#define MAX_WORKER_JOBS 5 /* one for each thread, and one at hand */
#define MAX_CLIENT_JOBS 2 /* of them: one in the token, one computed */

/* One leaf of the audit log: target, client and digests fit. */
#define MAX_AUDIT_LEAF 4096

#endif
