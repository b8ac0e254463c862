/* Every "keywarden NOUN VERB", in the order in which --help lists them. */
#include "appliance/cli_new_request.h"

#define COMMON \
	"  --config FILE  instead of " CONFIG_DEFAULT_PATH "\n" \
	"  --json         for scripts\n"
#define COMMON_LOG "  --log FILE  instead of the configured one\n" COMMON
/* Of those that write a request, and what becomes of it. */
#define REQUEST NEW_REQUEST_HELP COMMON
#define SIGN \
	"Writes a request, which persons sign ('keywarden sign') and hand in\n" \
	"('keywarden request submit').\n\n"
#define BY NEW_REQUEST_SYNOPSIS

const struct command cli_commands[] = {
    {"init", "",
	"--officer NAME=CERT.pem (twice) --security-officer NAME=CERT.pem "
	"(twice) ...",
	"Makes the KMS of this appliance, once: the token's keys, the IBE\n"
	"parameters, who and what is enrolled first, the audit log.\n"
	"keywardend must not be running.\n\n"
	"  --officer NAME=FILE           approves warrants; at least two\n"
	"  --security-officer NAME=FILE  approves persons, clients, subscribers,\n"
	"                                configuration, clock; at least two\n"
	"  --engineer NAME=FILE          may ask for clients, subscribers,\n"
	"                                configuration, clock\n"
	"  --auditor NAME=FILE           reads, changes nothing\n"
	"  --client NAME=FILE            a DF2/MF, by its TLS certificate\n\n"
	"Each is another person with another key; certificates are PEM files.\n\n" COMMON,
	cmd_init},
    {"status", "", "[--wait SECONDS]",
	"Tells whether the appliance serves.  Exit code 1 if not.\n\n"
	"  --wait SECONDS  wait that long for it\n" COMMON,
	cmd_status},
    {"delivery", "", "[show]",
	"Tells for each LEMF whether it is connected, and how many records\n"
	"wait for it, are sent, delivered, dropped.  Exit code 1 if one is\n"
	"missed for too long, or its queue is nearly full.\n\n" COMMON,
	cmd_delivery},
    {"kms", "show", "", "Shows what init fixed.\n\n" COMMON, cmd_kms_show},
    {"kms", "params", "--out FILE",
	"Writes the public parameters (DER BFPublicParameters, RFC 5091).\n\n"
	"  --out FILE     must not exist\n" COMMON,
	cmd_kms_params},
    {"kms", "import-key", "--out FILE",
	"Writes the public key (PEM) under which seeds made elsewhere are\n"
	"wrapped (RSAES-OAEP, SHA-1) for 'subscriber add --wrapped-seed'.\n\n"
	"  --out FILE     must not exist\n" COMMON,
	cmd_kms_import_key},
    {"kms", "hi2-key", "--out FILE",
	"Writes the public key (PEM, P-256) of the signatures over records,\n"
	"for the agencies whose LEMFs verify them.\n\n"
	"  --out FILE     must not exist\n" COMMON,
	cmd_kms_hi2_key},
    {"kms", "tls-request", "--for SECTION [--out FILE]",
	"Writes the request (PEM, PKCS #10) for the certificate of a key of TLS\n"
	"that is in the token, for the CA of whoever is on the other side.\n"
	"Names and addresses that these look for are the CA's to add.\n\n"
	"  --for SECTION  xk, x2, xk_client or hi2: whose key = \"token\"\n"
	"  --out FILE     must not exist; without it, standard output\n" COMMON,
	cmd_kms_tls_request},

    {"token", "probe", "[--module P11.so] [--label L | --slot N] [options]",
	"Tries what a PKCS#11 token can do: each operation of the appliance,\n"
	"with keys that are made for it and destroyed again, and says what\n"
	"works, what is got round, what is missing, and how fast it is.\n"
	"Exit code 0 if the appliance can use the token, 1 if not, 69 if it\n"
	"hung, crashed or went away in the middle, 78 if it cannot be opened.\n\n"
	"  --module P11.so  another module than the configured one: then no\n"
	"                   configuration is read, and the module gets the\n"
	"                   environment of this command\n"
	"  --label LABEL    the token; else the configured one, or with\n"
	"                   --module the only one there is\n"
	"  --slot N         or by its slot\n"
	"  --pin-file FILE  its user PIN; else the configured file, or with\n"
	"                   --module asked for on the terminal\n"
	"  --idle SECONDS   leave a session alone for so long; default 1\n"
	"  --calls WHOM     with --module: ADDRESS:PORT of a network HSM, the\n"
	"                   path of a daemon's socket or of a device\n"
	"  --seconds N      a step may take so long; default 60\n"
	"  --quick          no speeds, and RSA of 3072 bit is believed where\n"
	"                   the token lists it\n" COMMON,
	cmd_token_probe},

    {"request", "new", "KIND --body FILE " BY,
	"For any kind, around a body in JSON.\n" SIGN
	"  --body FILE       what the kind says (docs/PROTOCOL.md)\n" REQUEST,
	cmd_request_new},
    {"request", "submit", "FILE.cms ...",
	"Hands in signed requests and rejections (CMS SignedData in DER).  A\n"
	"request takes effect when enough have signed it; until then it\n"
	"waits.  Each file may have one signature or several.  The first\n"
	"that is refused ends it: those behind it are not handed in.\n\n"
	"  --seed-out FILE  where the seed for a device goes, when the token\n"
	"                   makes it for a subscriber that is enrolled\n" COMMON,
	cmd_request_submit},
    {"request", "list", "", "Lists the requests that wait.\n\n" COMMON,
	cmd_request_list},
    {"request", "show", "HASH [--octets FILE]",
	"Shows a request that waits, decoded from the octets that are signed.\n\n"
	"  --octets FILE  where these go, to be signed\n" COMMON,
	cmd_request_show},
    {"request", "reject", "HASH --person NAME --out FILE",
	"Writes a person's no to a request that waits; signed and handed in\n"
	"like a request, it ends it.\n\n"
	"  --person NAME  whose no, and who signs it\n"
	"  --reason TEXT  for people\n"
	"  --out FILE     where it goes\n" COMMON,
	cmd_request_reject},

    {"warrant", "new", "FILE.json " BY,
	"Writes the request to enter a warrant.  FILE.json is its body:\n"
	"targets, period, clients, products (docs/OPERATING.md).\n" SIGN
	    REQUEST,
	cmd_warrant_new},
    {"warrant", "list", "", "Lists all warrants and their state.\n\n" COMMON,
	cmd_warrant_list},
    {"warrant", "check", "FILE [--dry-run]",
	"Says what a request, signed or not yet, would do and what it lacks.\n"
	"Changes nothing and leaves no entry.\n\n"
	"  --dry-run  may be said; it never does more\n" COMMON,
	cmd_warrant_check},
    {"warrant", "suspend", "ID " BY,
	"Asks for a warrant to be of no use until it is resumed.\n" SIGN
	"  --reason TEXT     for people\n" REQUEST,
	cmd_warrant_suspend},
    {"warrant", "resume", "ID " BY,
	"Asks for a suspended warrant to be in force again.\n" SIGN
	"  --reason TEXT     for people\n" REQUEST,
	cmd_warrant_resume},
    {"warrant", "revoke", "ID " BY,
	"Asks for a warrant to end at once and for good.\n" SIGN
	"  --reason TEXT     for people\n" REQUEST,
	cmd_warrant_revoke},
    {"warrant", "extend", "ID --to TIME " BY,
	"Asks for a later end of a warrant.\n" SIGN
	"  --to TIME         the new end, or 12h, 7d from now on\n"
	"  --reason TEXT     for people\n" REQUEST,
	cmd_warrant_extend},
    {"warrant", "end", "ID --to TIME " BY,
	"Asks for an earlier end of a warrant.\n" SIGN
	"  --to TIME         the new end, or 12h, 7d from now on\n"
	"  --reason TEXT     for people\n" REQUEST,
	cmd_warrant_end},

    {"person", "list", "", "Lists all persons and their roles.\n\n" COMMON,
	cmd_person_list},
    {"person", "add", "NAME --role ROLE --cert FILE " BY,
	"Asks for a person to be enrolled.\n" SIGN
	"  --role ROLE       officer, securityOfficer, engineer or auditor\n"
	"  --cert FILE       PEM; the person keeps its key\n" REQUEST,
	cmd_person_add},
    {"person", "remove", "NAME " BY,
	"Asks for a person to leave office.\n" SIGN
	"  --void-signatures  what the person has signed counts no longer\n"
	"  --reason TEXT     for people\n" REQUEST,
	cmd_person_remove},
    {"person", "certificate", "NAME --cert FILE " BY,
	"Asks for another certificate of a person in office.\n" SIGN
	"  --cert FILE       PEM\n" REQUEST,
	cmd_person_certificate},
    {"client", "list", "", "Lists the DF2/MFs that may ask.\n\n" COMMON,
	cmd_client_list},
    {"client", "add", "NAME --cert FILE " BY,
	"Asks for a DF2/MF to be enrolled, or to get another certificate.\n" SIGN
	"  --cert FILE       PEM; that of its TLS connections\n" REQUEST,
	cmd_client_add},
    {"client", "remove", "NAME " BY,
	"Asks for a DF2/MF to be removed.\n" SIGN
	"  --reason TEXT     for people\n" REQUEST,
	cmd_client_remove},
    {"lemf", "list", "",
	"Lists the LEMFs to whose certificates keys are sealed.\n\n" COMMON,
	cmd_lemf_list},
    {"lemf", "add", "NAME --cert FILE " BY,
	"Asks for a LEMF to get a certificate, or another one.  From then on\n"
	"the token's process seals keys for it, under every warrant.\n" SIGN
	"  --cert FILE       PEM; RSA from 3072 bit, or EC P-256 or P-384\n" REQUEST,
	cmd_lemf_add},
    {"lemf", "remove", "NAME " BY,
	"Asks for a LEMF's certificate to be removed: it gets keys in clear.\n" SIGN
	"  --reason TEXT     for people\n" REQUEST,
	cmd_lemf_remove},

    {"subscriber", "add", "--identity URI [options] " BY,
	"Asks for a subscriber to be enrolled.  Without a seed the token makes\n"
	"one, and 'request submit --seed-out' gives it out wrapped to the\n"
	"device's certificate (RSA).\n" SIGN
	"  --identity URI       public KMS identity\n"
	"  --device URI         a device that answers under its own name;\n"
	"                       may be given several times\n"
	"  --device-cert FILE   PEM; private keys are issued to it alone\n"
	"  --wrapped-seed FILE  a seed wrapped under 'kms import-key'\n"
	"  --seed-file FILE     64 hex digits in a file that nobody else may\n"
	"                       read; wrapped here, on this machine\n"
	"  --label HEX          the seed's label, if it has one\n"
	"  --test               for test calls under test warrants alone\n" REQUEST,
	cmd_subscriber_add},
    {"subscriber", "devices", "URI [--device URI ...] " BY,
	"Asks for other devices of a subscriber: these, and no others.\n" SIGN
	"  --device URI      may be given several times\n"
	"  --record N        of the registry, instead of asking for it\n" REQUEST,
	cmd_subscriber_devices},
    {"subscriber", "remove", "URI " BY,
	"Asks for a subscriber to be removed.  The seed is gone for good.\n" SIGN
	"  --reason TEXT     for people\n"
	"  --record N        of the registry, instead of asking for it\n" REQUEST,
	cmd_subscriber_remove},
    {"subscriber", "list", "", "Lists who is enrolled.\n\n" COMMON,
	cmd_subscriber_list},
    {"subscriber", "key", "--identity URI --out FILE [options]",
	"Issues the private key of one key period to the device's\n"
	"certificate.\n\n"
	"  --identity URI     the subscriber\n"
	"  --as URI           one of its devices, if it is the device's key\n"
	"  --date YYYY-MM-DD  a day (UTC) of the period; default today\n"
	"  --out FILE         must not exist; mode 600\n" COMMON,
	cmd_subscriber_key},

    {"config", "show", "",
	"Shows what of the configuration persons approve: in the file and in\n"
	"use, and whether it is approved.\n\n" COMMON,
	cmd_config_show},
    {"config", "approve", BY,
	"Asks for what matters in the configuration file to be approved.\n" SIGN
	    REQUEST,
	cmd_config_approve},
    {"clock", "accept", BY,
	"Asks for the machine's clock to be believed again, after it stepped\n"
	"and the appliance stopped serving.\n" SIGN
	"  --time TIME       what it shows; default now, as this machine has it\n"
	"  --reason TEXT     for people\n" REQUEST,
	cmd_clock_accept},

    {"audit", "verify", "[--size N --root HEX]",
	"Checks the audit log from its first entry to its last.  Exit code 2\n"
	"if it is not sound.\n\n"
	"  --size N --root HEX  a head noted earlier: the log must still\n"
	"                       begin with it\n" COMMON_LOG,
	cmd_audit_verify},
    {"audit", "show", "[--from N]",
	"Prints the entries of the audit log, which name targets and LIIDs.\n\n"
	"  --from N    from entry N on\n" COMMON_LOG,
	cmd_audit_show},
    {"audit", "head", "",
	"Prints size and root of the log, to be noted elsewhere.\n\n" COMMON_LOG,
	cmd_audit_head},
    {"sign", "",
	"FILE --cert PEM (--key PEM | --module P11.so) --out FILE [options]",
	"Signs the octets of a file, on the signer's own machine: CMS\n"
	"SignedData in DER, with the file inside.  No configuration is read.\n\n"
	"  --cert PEM         the signer's certificate\n"
	"  --key PEM          the private key, in a file that nobody else may\n"
	"                     read; it may be encrypted\n"
	"  --module P11.so    or the key is in a PKCS#11 token of this module\n"
	"  --token LABEL      the token, if there are several\n"
	"  --key-label LABEL  the key, if the certificate does not tell\n"
	"  --pin-file FILE    passphrase or PIN; else asked for on the terminal\n"
	"  --resign           FILE is a CMS that others have signed: one more\n"
	"                     signature over the same content\n"
	"  --out FILE         must not exist\n"
	"  --json             for scripts\n",
	cmd_sign},
    {"explain", "", "N | --last",
	"Says in sentences what entry N of the audit log says: who asked for\n"
	"what, what came of it and why, and what to do.  Names targets and\n"
	"LIIDs.\n\n"
	"  --last      the last key request, or change\n" COMMON_LOG,
	cmd_explain},
};
const size_t cli_n_commands = sizeof(cli_commands) / sizeof(cli_commands[0]);
