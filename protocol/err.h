/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Errors: one list from which the numbers, names and texts are made.
 *
 * Every function of Baken returns 0 or a negative number. Ours lie in -10000..-10999, so that libuv
 * (-1..-4095), libsignal (to -9999) and LMDB (-30799..) can pass through the same int unharmed; each
 * foreign library's codes are mapped at its rim by one function. "Not found" means only not found.
 *
 * Threads: all functions are pure. Memory: returned strings are static.
 */
#ifndef BK_ERR_H
#define BK_ERR_H

/* X(name, number, English, Dutch) */
#define BK_ERR_MAP(X)                                                                              \
	X(BK_E_INVAL, -10000, "malformed or out of bounds", "onjuist of buiten de grenzen")        \
	X(BK_E_NOMEM, -10001, "out of memory", "geen geheugen meer")                               \
	X(BK_E_NOT_FOUND, -10002, "not found", "niet gevonden")                                    \
	X(BK_E_EXISTS, -10003, "exists already", "bestaat al")                                     \
	X(BK_E_TOO_BIG, -10004, "too large", "te groot")                                           \
	X(BK_E_VERSION, -10005, "unknown version", "onbekende versie")                             \
	X(BK_E_SIGNATURE, -10006, "signature does not verify", "handtekening klopt niet")          \
	X(BK_E_CHAIN, -10007, "does not chain to the pinned root",                                 \
	  "hoort niet bij de vastgelegde hoofdsleutel")                                            \
	X(BK_E_EXPIRED, -10008, "expired", "verlopen")                                             \
	X(BK_E_NOT_YET, -10009, "not valid yet", "nog niet geldig")                                \
	X(BK_E_ROLE, -10010, "this role may not do that", "deze rol mag dat niet")                 \
	X(BK_E_OLD, -10011, "older than what is already known", "ouder dan wat al bekend is")      \
	X(BK_E_ROSTER, -10012, "the list of devices has changed", "de toestellenlijst is veranderd") \
	X(BK_E_DEVICES, -10013, "devices are missing or too many",                                 \
	  "er ontbreken toestellen of er zijn er te veel")                                         \
	X(BK_E_REVOKED, -10014, "this device has been withdrawn", "dit toestel is ingetrokken")    \
	X(BK_E_DECRYPT, -10015, "cannot be decrypted", "kan niet worden ontsleuteld")              \
	X(BK_E_DUPLICATE, -10016, "seen before", "al eerder gezien")                               \
	X(BK_E_NO_SESSION, -10017, "no session with that device", "geen sessie met dat toestel")   \
	X(BK_E_UNTRUSTED, -10018, "identity is not in the roster",                                 \
	  "sleutel staat niet op de toestellenlijst")                                              \
	X(BK_E_NOT_FOR_US, -10019, "not meant for this device", "niet bedoeld voor dit toestel")   \
	X(BK_E_QUOTA, -10020, "the recipient's queue is full", "de wachtrij van de ontvanger is vol") \
	X(BK_E_RATE, -10021, "too many requests", "te veel verzoeken")                             \
	X(BK_E_LOGIN, -10022, "login refused", "aanmelden geweigerd")                              \
	X(BK_E_STATE, -10023, "not allowed at this moment", "kan op dit moment niet")              \
	X(BK_E_HASH, -10024, "hash does not match", "controlegetal klopt niet")                    \
	X(BK_E_INCOMPLETE, -10025, "not complete", "niet volledig")                                \
	X(BK_E_LOCKED, -10026, "in use by another process", "in gebruik door een ander programma") \
	X(BK_E_PASSPHRASE, -10027, "wrong passphrase or key", "verkeerde wachtwoordzin of sleutel") \
	X(BK_E_CORRUPT, -10028, "stored data is damaged", "opgeslagen gegevens zijn beschadigd")   \
	X(BK_E_FULL, -10029, "storage is full", "de opslag is vol")                                \
	X(BK_E_IO, -10030, "reading or writing failed", "lezen of schrijven is mislukt")           \
	X(BK_E_NET, -10031, "no connection", "geen verbinding")                                    \
	X(BK_E_TLS, -10032, "the server's identity does not verify",                               \
	  "de identiteit van de server klopt niet")                                                \
	X(BK_E_USAGE, -10033, "wrong use", "verkeerd gebruik")                                     \
	X(BK_E_CANCELLED, -10034, "cancelled", "geannuleerd")                                      \
	X(BK_E_TIMEOUT, -10035, "took too long", "duurde te lang")                                 \
	X(BK_E_BUSY, -10036, "busy", "bezet")                                                      \
	X(BK_E_CLAIMED, -10037, "claimed by another officer", "opgepakt door een ander")           \
	X(BK_E_INVITE, -10038, "invitation is unknown, used or expired",                           \
	  "uitnodiging is onbekend, gebruikt of verlopen")                                         \
	X(BK_E_CLOCK, -10039, "the clock is too far off", "de klok loopt te veel uit de pas")      \
	X(BK_E_UNSUPPORTED, -10040, "not supported", "niet ondersteund")                           \
	X(BK_E_CRYPTO, -10041, "cryptographic operation failed", "versleuteling is mislukt")       \
	X(BK_E_INTERNAL, -10042, "internal error", "interne fout")                                 \
	X(BK_E_SHUT, -10043, "this device is locked", "dit toestel is vergrendeld")

enum bk_err {
	BK_OK = 0,
#define X(name, number, en, nl) name = number,
	BK_ERR_MAP(X)
#undef X
};

enum bk_lang { BK_LANG_NL = 0, BK_LANG_EN = 1 };

/* "BK_E_QUOTA"; "BK_OK" for 0; "BK_E_UNKNOWN" for a number that is not on the list. */
const char *bk_err_name(int err);
/* One sentence without a full stop, in the given language. Never NULL. */
const char *bk_err_text(int err, enum bk_lang lang);

/* A broken promise of our own: prints file and line and aborts, in release builds too. */
_Noreturn void bk_err_assert_failed(const char *expr, const char *file, int line);
#define BK_ASSERT(expr) ((expr) ? (void)0 : bk_err_assert_failed(#expr, __FILE__, __LINE__))

#endif
