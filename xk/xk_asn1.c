#include "xk/xk_asn1.h"

ASN1_SEQUENCE(XK_GETKEYS) =
    {
	ASN1_IMP(XK_GETKEYS, public_kms_identity, ASN1_UTF8STRING, 0),
	ASN1_IMP(XK_GETKEYS, i_message1, ASN1_OCTET_STRING, 1),
	ASN1_IMP(XK_GETKEYS, r_message1, ASN1_OCTET_STRING, 2),
	ASN1_IMP_OPT(XK_GETKEYS, i_message2, ASN1_OCTET_STRING, 3),
	ASN1_IMP_OPT(XK_GETKEYS, first_i_message1, ASN1_OCTET_STRING, 4),
	ASN1_IMP_OPT(XK_GETKEYS, liid, ASN1_OCTET_STRING, 5),
	ASN1_IMP_OPT(XK_GETKEYS, r_message2, ASN1_OCTET_STRING, 6),
	ASN1_IMP_OPT(XK_GETKEYS, first_r_message1, ASN1_OCTET_STRING, 7),
	ASN1_IMP_OPT(XK_GETKEYS, first_i_message2, ASN1_OCTET_STRING, 8),
	ASN1_IMP_OPT(XK_GETKEYS, curve, ASN1_INTEGER, 9),
} ASN1_SEQUENCE_END(XK_GETKEYS)

	ASN1_SEQUENCE(XK_SESSIONKEY) =
	    {
		ASN1_IMP(XK_SESSIONKEY, crypto_session_id, ASN1_OCTET_STRING,
		    0),
		ASN1_IMP(XK_SESSIONKEY, session_key, ASN1_OCTET_STRING, 1),
		ASN1_IMP(XK_SESSIONKEY, salt, ASN1_OCTET_STRING, 2),
		ASN1_IMP_OPT(XK_SESSIONKEY, ssrc, ASN1_INTEGER, 3),
		ASN1_IMP_OPT(XK_SESSIONKEY, roc, ASN1_INTEGER, 4),
		ASN1_IMP_OPT(XK_SESSIONKEY, policy, ASN1_OCTET_STRING, 5),
		ASN1_IMP_OPT(XK_SESSIONKEY, mki, ASN1_OCTET_STRING, 6),
} ASN1_SEQUENCE_END(XK_SESSIONKEY)

		ASN1_SEQUENCE(XK_KEYSRESPONSE) =
		    {
			ASN1_IMP_SEQUENCE_OF(XK_KEYSRESPONSE, keys,
			    XK_SESSIONKEY, 0),
			ASN1_IMP_OPT(XK_KEYSRESPONSE, sk, ASN1_OCTET_STRING, 1),
} ASN1_SEQUENCE_END(XK_KEYSRESPONSE)

			ASN1_SEQUENCE(XK_ECVALUES) =
			    {
				ASN1_IMP_OPT(XK_ECVALUES, curve, ASN1_INTEGER,
				    0),
				ASN1_IMP_OPT(XK_ECVALUES, xp, ASN1_OCTET_STRING,
				    1),
				ASN1_IMP_OPT(XK_ECVALUES, yp, ASN1_OCTET_STRING,
				    2),
				ASN1_IMP_OPT(XK_ECVALUES, sk, ASN1_OCTET_STRING,
				    3),
				ASN1_IMP_OPT(XK_ECVALUES, mki,
				    ASN1_OCTET_STRING, 4),
} static_ASN1_SEQUENCE_END(XK_ECVALUES)

				ASN1_SEQUENCE(XK_PRIVATEKEY) =
				    {
					ASN1_IMP(XK_PRIVATEKEY, identity,
					    ASN1_UTF8STRING, 0),
					ASN1_IMP(XK_PRIVATEKEY, not_before,
					    ASN1_GENERALIZEDTIME, 1),
					ASN1_IMP(XK_PRIVATEKEY, not_after,
					    ASN1_GENERALIZEDTIME, 2),
					ASN1_IMP(XK_PRIVATEKEY, private_key,
					    ASN1_OCTET_STRING, 3),
} static_ASN1_SEQUENCE_END(XK_PRIVATEKEY)

					ASN1_SEQUENCE(XK_PRIVATEKEYS) =
					    {
						ASN1_IMP_SEQUENCE_OF(
						    XK_PRIVATEKEYS,
						    private_keys, XK_PRIVATEKEY,
						    0),
} static_ASN1_SEQUENCE_END(XK_PRIVATEKEYS)

						ASN1_SEQUENCE(XK_SECRET) =
						    {
							ASN1_IMP(XK_SECRET,
							    curve, ASN1_INTEGER,
							    0),
							ASN1_IMP(XK_SECRET,
							    role,
							    ASN1_ENUMERATED, 1),
							ASN1_IMP(XK_SECRET,
							    secret,
							    ASN1_OCTET_STRING,
							    2),
							ASN1_IMP_OPT(XK_SECRET,
							    sk,
							    ASN1_OCTET_STRING,
							    3),
} static_ASN1_SEQUENCE_END(XK_SECRET)

							ASN1_SEQUENCE(
							    XK_REFUSED) =
							    {
								ASN1_IMP(
								    XK_REFUSED,
								    reason,
								    ASN1_ENUMERATED,
								    0),
								ASN1_IMP_OPT(
								    XK_REFUSED,
								    text,
								    ASN1_UTF8STRING,
								    1),
} ASN1_SEQUENCE_END(XK_REFUSED)

								ASN1_CHOICE(
								    XK_BODY) =
								    {
									ASN1_IMP(
									    XK_BODY,
									    d.get_keys,
									    XK_GETKEYS,
									    0),
									ASN1_IMP(
									    XK_BODY,
									    d.keys,
									    XK_KEYSRESPONSE,
									    1),
									ASN1_IMP(
									    XK_BODY,
									    d.get_keys,
									    XK_GETKEYS,
									    2),
									ASN1_IMP(
									    XK_BODY,
									    d.ec_values,
									    XK_ECVALUES,
									    3),
									ASN1_IMP(
									    XK_BODY,
									    d.get_keys,
									    XK_GETKEYS,
									    4),
									ASN1_IMP(
									    XK_BODY,
									    d.private_keys,
									    XK_PRIVATEKEYS,
									    5),
									ASN1_IMP(
									    XK_BODY,
									    d.get_keys,
									    XK_GETKEYS,
									    6),
									ASN1_IMP(
									    XK_BODY,
									    d.secret,
									    XK_SECRET,
									    7),
									ASN1_IMP(
									    XK_BODY,
									    d.refusal,
									    XK_REFUSED,
									    8),
									ASN1_IMP(
									    XK_BODY,
									    d.null,
									    ASN1_NULL,
									    9),
									ASN1_IMP(
									    XK_BODY,
									    d.null,
									    ASN1_NULL,
									    10),
} static_ASN1_CHOICE_END(XK_BODY)

    /* The tag in front of a CHOICE is explicit (X.680 clause 31.2.7 c). */
    ASN1_SEQUENCE(XK_MESSAGE) = {
	ASN1_IMP(XK_MESSAGE, version, ASN1_INTEGER, 0),
	ASN1_IMP(XK_MESSAGE, request_id, ASN1_INTEGER, 1),
	ASN1_EXP(XK_MESSAGE, body, XK_BODY, 2),
} ASN1_SEQUENCE_END(XK_MESSAGE)
