/* media/packet: frames of each link type, written out by hand, and cut. */
#include <stdlib.h>
#include <string.h>

#include <pcap/dlt.h>

#include "help.h"
#include "media/packet.h"

/* clang-format off */
#define IP4 "4500" "0020" "00004000" "4011" "0000" "0a000001" "0a000002"
#define UDP "0fa0" "0fa2" "000c" "0000" "61626364" /* 4000 > 4002: abcd */
#define ETHER "020000000001" "020000000002"

struct frame {
	int link;
	const char *hex;
	bool ip6;
};

static const struct frame good[] = {
    {DLT_EN10MB, ETHER "0800" IP4 UDP, false},
    {DLT_EN10MB,
	ETHER "8100" "0007" "0800" IP4 UDP,
	false},
    {DLT_EN10MB,
	ETHER "88a8" "0001" "8100" "0007" "0800" IP4 UDP,
	false},
    {DLT_EN10MB, ETHER "0800" IP4 UDP "000000", false}, /* padded */
    {DLT_LINUX_SLL,
	"0000" "0001" "0006" "0200000000010000" "0800" IP4 UDP,
	false},
    {DLT_LINUX_SLL2,
	"0800" "0000" "00000001" "0001" "00" "06" "0200000000010000" IP4 UDP,
	false},
    {DLT_NULL, "02000000" IP4 UDP, false},
    {DLT_LOOP, "00000002" IP4 UDP, false},
    {DLT_RAW, IP4 UDP, false},
    {DLT_IPV4, IP4 UDP, false},
    /* IP options */
    {DLT_RAW,
	"4600" "0024" "00000000" "4011" "0000" "0a000001" "0a000002" "01010101" UDP,
	false},
    {DLT_RAW,
	"60000000" "000c" "11" "40" "20010db8000000000000000000000001"
	"20010db8000000000000000000000002" UDP,
	true},
    {DLT_EN10MB,
	ETHER "86dd" "60000000" "000c" "11" "40" "20010db8000000000000000000000001"
	      "20010db8000000000000000000000002" UDP,
	true},
    /* hop-by-hop options, a routing header of 16 octets */
    {DLT_IPV6,
	"60000000" "0024" "00" "40" "20010db8000000000000000000000001"
	"20010db8000000000000000000000002" "2b00000000000000"
	"11010000000000000000000000000000" UDP,
	true},
};

static const struct {
	const char *hex;
	enum err rc;
} bad[] = {
    {"4500" "0020" "00002000" "4011" "0000" "0a000001" "0a000002" UDP,
	ERR_UNSUPPORTED}, /* more fragments */
    {"4500" "0020" "00000001" "4011" "0000" "0a000001" "0a000002" UDP,
	ERR_UNSUPPORTED}, /* a later one */
    {"4500" "0020" "00000000" "4006" "0000" "0a000001" "0a000002" UDP,
	ERR_NOTFOUND}, /* TCP */
    {"4400" "0020" "00000000" "4011" "0000" "0a000001" "0a000002" UDP,
	ERR_MALFORMED}, /* a header of 16 octets */
    {"4500" "0013" "00000000" "4011" "0000" "0a000001" "0a000002" UDP,
	ERR_MALFORMED}, /* shorter than its header */
    {"5500" "0020" "00000000" "4011" "0000" "0a000001" "0a000002" UDP,
	ERR_MALFORMED}, /* version 5 */
    {"4500" "0020" "00000000" "4011" "0000" "0a000001" "0a000002" "0fa00fa200070000"
     "61626364",
	ERR_MALFORMED}, /* UDP shorter than its header */
    {"4500" "0020" "00000000" "4011" "0000" "0a000001" "0a000002" "0fa00fa2000d0000"
     "61626364",
	ERR_TRUNCATED}, /* UDP longer than the packet */
    {"60000000" "000c" "2c" "40" "20010db8000000000000000000000001"
     "20010db8000000000000000000000002" UDP,
	ERR_UNSUPPORTED}, /* a fragment header */
    {"60000000" "000c" "06" "40" "20010db8000000000000000000000001"
     "20010db8000000000000000000000002" UDP,
	ERR_NOTFOUND}, /* TCP */
};

/* clang-format on */

static void
each_link_type_is_read(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++) {
		struct packet p;
		struct rd frame;
		size_t len;
		uint8_t *octets = unhex(good[i].hex, &len);

		rd_init(&frame, octets, len);
		assert_true(packet_link_known(good[i].link));
		assert_int_equal(packet_parse(good[i].link, frame, &p), ERR_OK);
		assert_int_equal(p.from, 4000);
		assert_int_equal(p.to, 4002);
		assert_true(rd_is(&p.payload, "abcd", 4));
		assert_int_equal(p.from_ip.left, good[i].ip6 ? 16 : 4);
		assert_int_equal(p.from_ip.p[p.from_ip.left - 1], 1);
		assert_int_equal(p.to_ip.p[p.to_ip.left - 1], 2);
		free(octets);
	}
	assert_false(packet_link_known(DLT_IEEE802_11));
}

static int link_now;

static void
no_packet(const uint8_t *octets, size_t len)
{
	struct packet p;
	struct rd frame;

	rd_init(&frame, octets, len);
	assert_int_not_equal(packet_parse(link_now, frame, &p), ERR_OK);
}

static void
no_part_of_a_frame_is_one(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++) {
		size_t len;
		uint8_t *octets = unhex(good[i].hex, &len);

		if (i == 3)
			len -= 3; /* without the padding it is whole */
		link_now = good[i].link;
		each_prefix(octets, len, no_packet);
		free(octets);
	}
}

static void
what_is_no_whole_datagram_is_refused(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		struct packet p;
		struct rd frame;
		size_t len;
		uint8_t *octets = unhex(bad[i].hex, &len);

		rd_init(&frame, octets, len);
		assert_int_equal(packet_parse(DLT_RAW, frame, &p), bad[i].rc);
		free(octets);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(each_link_type_is_read),
	    cmocka_unit_test(no_part_of_a_frame_is_one),
	    cmocka_unit_test(what_is_no_whole_datagram_is_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
