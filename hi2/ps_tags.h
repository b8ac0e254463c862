/* ps_tags: tags of PS-PDU, PSHeader and Payload (TS 102 232-1 annex A). */
#ifndef HI2_PS_TAGS_H
#define HI2_PS_TAGS_H

/* As octets.  Those of one structure stand together. */
enum ps_tag {
	T_PS_PDU = 0x30,
	T_PS_HEADER = 0xa1,
	T_PS_PAYLOAD = 0xa2,

	T_PS_DOMAIN = 0x80,
	T_PS_LIID = 0x81,
	T_PS_COUNTRY = 0x82,
	T_PS_COMMUNICATION = 0xa3,
	T_PS_SEQUENCE = 0x84,
	T_PS_TIME = 0x85,
	T_PS_POINT = 0x86,
	T_PS_MICRO = 0xa7,
	T_PS_QUALIFIER = 0x88,

	T_COM_NETWORK = 0xa0,
	T_COM_CIN = 0x81,
	T_COM_COUNTRY = 0x82,
	T_NET_OPERATOR = 0x80,
	T_NET_ELEMENT = 0x81,

	T_MICRO_SECONDS = 0x80,
	T_MICRO_MICROS = 0x81,

	T_PAYLOAD_IRI = 0xa0, /* iRIPayloadSequence */
	T_PAYLOAD_CC = 0xa1,
	T_PAYLOAD_TRI = 0xa2
};

#endif
