/*
 * deliver: the delivery of records to one LEMF, for Spin: the queue (hi2), the
 * machine of hi2/deliver.c (in hi2c), and a LEMF at a connection that breaks.
 * tests/model/deliver.sh runs it.
 *
 * Shown: a record that the queue has forgotten is at the LEMF, with its hash
 * where there are hashes; on each connection records come in order and without
 * gaps; all are delivered in the end, if faults end.  Faults: a connection that
 * loses whatever is under way, a LEMF that does not answer, a queue that dies
 * with what it has not committed.
 *
 *	-DINTEGRITY	records count when a hash PDU over them has come
 *	-DMUTANT=n	a fault of design, which must be found:
 *	  1 an answer confirms all that was sent, not what was before the question
 *	  2 a new connection goes on where the old one was
 *	  3 questions are remembered over a lost connection (numbers are not)
 *	  4 records that were meant for an old connection go out on a new one
 *	  5 a record counts before its hash has gone out (with INTEGRITY)
 *	  6 a LEMF that does not answer is waited for for ever
 */
#ifndef MUTANT
#define MUTANT 0
#endif

#define N 3 /* records: 1 to N */
#define WINDOW 2
#define ASKS 2 /* questions that are not answered, at most */
#define BREAKS 2
#define MUTES 1
#define CRASHES 1

mtype = { RECORD, HASH, ASK, OPEN, DELIVERED };

chan give = [2] of { byte, byte }; /* MSG_DELIVER: epoch, record */
chan link = [2] of { mtype, byte, byte }; /* MSG_LINK, MSG_DELIVERED */
chan way = [3] of { mtype, byte }; /* to the LEMF */
chan back = [2] of { byte }; /* answers: the number of the question */

/* The queue: what it has forgotten, and what of that is on the disk. */
byte removed, kept;

/* The LEMF. */
byte received, hashed; /* up to there, of all connections */
byte expected; /* of this connection; 0: whichever is first */
bool mute; /* it has left a question without an answer */

/* The connection. */
bool up;
byte breaks, mutes, crashes;

inline lose()
{
	d_step {
		do
		:: way?_, _
		:: empty(way) -> break
		od;
		do
		:: back?_
		:: empty(back) -> break
		od;
		up = false;
		mute = false;
		expected = 0;
	}
}

active proctype queue()
{
	byte epoch, cursor, e, n;

end:	do
	:: link?OPEN, e, _ ->
		atomic {
			epoch = e;
#if MUTANT == 2
			cursor = (cursor == 0 -> 1 : cursor);
#else
			cursor = removed + 1;
#endif
			e = 0;
		}
	:: link?DELIVERED, e, n ->
		atomic {
			if
			:: n > removed ->
				assert(n <= received);
#ifdef INTEGRITY
				assert(n <= hashed);
#endif
				removed = n;
			:: else
			fi;
			e = 0;
			n = 0;
		}
	:: atomic {
		epoch > 0 && cursor <= N && cursor <= removed + WINDOW &&
		    nfull(give) ->
			give!epoch, cursor;
			cursor++;
	}
	:: removed > kept -> kept = removed /* a transaction ends */
	:: atomic { /* killed: hi2c starts anew with it */
		crashes < CRASHES && cursor > 0 ->
			crashes++;
			removed = kept;
			epoch = 0;
			cursor = 0;
			do
			:: give?_, _
			:: empty(give) -> break
			od;
			do
			:: link?_, _, _
			:: empty(link) -> break
			od;
			lose();
	}
	od
}

active proctype machine()
{
	byte epoch, last, covered; /* of this connection */
	byte question, oldest; /* numbers: the next, the first not answered */
	byte from[ASKS]; /* what stood before it */
	byte told, e, n;

end:	do
	:: atomic {
		!up ->
			up = true;
			epoch++;
			last = 0;
			covered = 0;
			told = 0;
			question = 0;
			oldest = 0;
#if MUTANT != 3
			from[0] = 0;
			from[1] = 0;
#endif
			link!OPEN, epoch, 0;
	}
	:: atomic {
		up && nfull(way) && give?[e, n] ->
			give?e, n;
			if
#if MUTANT == 4
			:: true ->
#else
			:: e == epoch ->
#endif
				assert(n > last);
				last = n;
				way!RECORD, n;
#if !defined(INTEGRITY) || MUTANT == 5
				covered = n;
#endif
			:: else /* of an old connection */
			fi;
			e = 0;
			n = 0;
	}
#ifdef INTEGRITY
	:: atomic {
		up && nfull(way) && covered < last ->
			way!HASH, last;
			covered = last;
	}
#endif
	:: atomic { /* deliver_ask(): behind what is not confirmed */
		up && nfull(way) && question < oldest + ASKS &&
		    covered > told && (question == oldest ||
		    covered > from[(question + ASKS - 1) % ASKS]) ->
			way!ASK, question;
#if MUTANT == 3
			if
			:: from[question % ASKS] > covered
			:: else -> from[question % ASKS] = covered
			fi;
#else
			from[question % ASKS] = covered;
#endif
			question++;
	}
	:: atomic { /* answered() */
		up && back?[n] && nfull(link) ->
			back?n;
#if MUTANT == 1
			told = last;
#else
			told = from[n % ASKS];
#endif
			oldest = n + 1;
			link!DELIVERED, epoch, told;
			n = 0;
	}
#if MUTANT != 6
	:: atomic { up && mute -> lose(); } /* TIME3 */
#endif
	:: atomic { up && breaks < BREAKS -> breaks++; lose(); }
	od
}

active proctype lemf()
{
	byte n;

end:	do
	:: atomic {
		way?RECORD, n ->
			assert(expected == 0 || n == expected);
			assert(n <= received + 1);
			expected = n + 1;
			received = (n > received -> n : received);
			n = 0;
	}
	:: atomic {
		way?HASH, n ->
			hashed = (n > hashed -> n : hashed);
			n = 0;
	}
	:: atomic {
		way?ASK, n ->
			if
			:: nfull(back) -> back!n
			:: mutes < MUTES -> mutes++; mute = true
			fi;
			n = 0;
	}
	od
}

ltl all_in_the_end { <> (kept == N) }
