/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * What bakenctl says, in one table: Dutch (B1) first, English second. Texts are printf formats with the same
 * arguments in every column (a test compares).
 *
 * Threads: pure. Memory: static.
 */
#ifndef BK_CTL_TEXTS_H
#define BK_CTL_TEXTS_H

#include "err.h"

/* X(id, nl, en) */
#define BK_CTL_TEXTS(X)                                                                            \
	X(PREFIX, "Mislukt", "Failed")                                                             \
	X(ASK_PASS, "Wachtwoordzin van %s: ", "Passphrase of %s: ")                                \
	X(NEW_PASS, "Kies een wachtwoordzin voor %s (minstens 8 tekens): ",                        \
	  "Choose a passphrase for %s (8 characters or more): ")                                   \
	X(NEW_PASS_AGAIN, "Nog een keer dezelfde wachtwoordzin: ", "The same passphrase again: ")  \
	X(PASS_DIFFER, "de twee zijn niet gelijk", "the two are not the same")                     \
	X(PASS_SHORT, "een wachtwoordzin heeft minstens 8 tekens",                                 \
	  "a passphrase has 8 characters or more")                                                 \
	X(ROOT_MADE, "Hoofdsleutel gemaakt: %s", "Root key created: %s")                           \
	X(ROOT_KEEP,                                                                               \
	  "Bewaar dit bestand buiten het netwerk, op twee plaatsen. Zonder deze sleutel kan niemand " \
	  "een nieuwe registrator aanwijzen.",                                                     \
	  "Keep this file off the network, in two places. Without this key nobody can appoint a "  \
	  "new registrar.")                                                                        \
	X(FINGERPRINT, "Controlegetal: %s", "Fingerprint: %s")                                     \
	X(REGISTRAR_MADE, "Registrator \"%s\" gemaakt: %s", "Registrar \"%s\" created: %s")        \
	X(REGISTRAR_ROLES, "Mag aanmelden: %s", "May enrol: %s")                                   \
	X(SERVER_MADE, "De server is ingericht in %s", "The server is set up in %s")               \
	X(SERVER_CA, "Geef dit bestand aan elk toestel: %s", "Give this file to every device: %s") \
	X(SERVER_START, "Start de server met: bakend -c %s", "Start the server with: bakend -c %s") \
	X(SERVER_SEAL,                                                                             \
	  "Maak een kopie van %s en bewaar die apart: zonder die sleutel is een reservekopie "     \
	  "onbruikbaar.",                                                                          \
	  "Make a copy of %s and keep it apart: without that key a backup is of no use.")          \
	X(PUSH_KEY_MADE, "Sleutel voor pushdiensten gemaakt: %s", "Key for push hosts created: %s") \
	X(PUSH_KEY_CONF,                                                                           \
	  "Zet in bakend.conf: push-key = %s, push-hosts en push-contact. Start bakend opnieuw.",  \
	  "Put into bakend.conf: push-key = %s, push-hosts and push-contact. Restart bakend.")     \
	X(SERVER_RENEWED, "Het certificaat van de server is vernieuwd. Start bakend opnieuw.",     \
	  "The server's certificate has been renewed. Restart bakend.")                            \
	X(CIRCLE_MADE, "Kring \"%s\" gemaakt.", "Circle \"%s\" created.")                          \
	X(INVITE_MADE, "Uitnodiging voor rol %s, geldig tot %s. Het nummer is %s.",                \
	  "Invitation for role %s, valid until %s. Its number is %s.")                             \
	X(INVITE_TYPED, "Typ op het toestel:", "Type on the device:")                              \
	X(INVITE_THEN, "Keur daarna goed met: bakenctl approve --invite %s",                       \
	  "Then approve with: bakenctl approve --invite %s")                                       \
	X(APPROVE_WAIT, "Wachten op een aanvraag ...", "Waiting for a request ...")                \
	X(APPROVE_NONE, "Er is geen aanvraag die bij deze uitnodigingen hoort.",                   \
	  "There is no request that belongs to these invitations.")                                \
	X(APPROVE_DONE, "Goedgekeurd: %s, toestel %s.", "Approved: %s, device %s.")                \
	X(APPROVE_CHECK, "Vergelijk het controlegetal met het scherm van het toestel: %s",         \
	  "Compare the fingerprint with the device's screen: %s")                                  \
	X(APPROVE_ASK, "Klopt het? Typ ja: ", "Does it match? Type yes: ")                         \
	X(APPROVE_YES, "ja", "yes")                                                                \
	X(APPROVE_REFUSED, "Geweigerd: %s", "Refused: %s")                                         \
	X(APPROVE_FORGED,                                                                          \
	  "De aanvraag bij uitnodiging %s is niet met de code gemaakt. Iemand heeft ermee geknoeid.", \
	  "The request for invitation %s was not made with the code. Somebody tampered with it.")  \
	X(REVOKED, "Ingetrokken: toestel %s. De verbinding, wachtrij en sleutels zijn weg.",       \
	  "Withdrawn: device %s. Its connection, queue and keys are gone.")                        \
	X(RELATED, "%s en %s horen bij elkaar. Ieder houdt een eigen lijst en eigen sleutels.",    \
	  "%s and %s belong together. Each keeps a list and keys of their own.")                   \
	X(RELATED_NOT, "%s en %s horen niet meer bij elkaar.", "%s and %s no longer belong together.") \
	X(RELATED_NONE, "Niemand hoort bij elkaar.", "Nobody belongs together.")                   \
	X(RENEWED, "Toestellenlijst van kring %s vernieuwd: versie %s, geldig tot %s.",            \
	  "List of devices of circle %s renewed: version %s, valid until %s.")                     \
	X(PUBLISHED, "Kring %s teruggezet op versie %s.", "Circle %s put back at version %s.")     \
	X(PUBLISHED_NONE, "De server heeft alles al.", "The server has everything already.")       \
	X(ROSTER_HEAD, "Kring %s (%s), versie %s, geldig tot %s", "Circle %s (%s), version %s, valid until %s") \
	X(ROSTER_FALLBACK, "Vervangende meldkamer %s", "Fall-back desk %s")                        \
	X(ROSTER_RELATED, "Meldkamer %s  zorgteam %s", "Desk %s  care team %s")                    \
	X(ROSTER_HOUSEHOLD, "Huishouden %s", "Household %s")                                       \
	X(CIRCLES_HEAD, "kring                             soort    versie  naam",                 \
	  "circle                            kind    version  name")                               \
	X(DEVICES_HEAD,                                                                            \
	  "toestel                           rol        toestand     verbonden  in dienst  wachtrij  gezien", \
	  "device                            role       state        online     on duty    queue     seen") \
	X(INVITES_HEAD, "uitnodiging                       rol        toestand     geldig tot           naam", \
	  "invitation                        role       state        valid until          name")   \
	X(YES, "ja", "yes")                                                                        \
	X(NO, "nee", "no")                                                                         \
	X(NEVER, "nooit", "never")                                                                 \
	X(NOTHING, "Er is niets.", "There is nothing.")                                            \
	X(ST_AT_REST, "De server draait niet. Uit de opslag:", "The server is not running. From the store:") \
	X(ST_SERVER, "Server", "Server")                                                           \
	X(ST_SINCE, "Draait sinds", "Running since")                                               \
	X(ST_ACCOUNTS, "Personen en medewerkers", "People and staff")                              \
	X(ST_DEVICES, "Toestellen", "Devices")                                                     \
	X(ST_CIRCLES, "Kringen", "Circles")                                                        \
	X(ST_ONLINE, "Nu verbonden", "Connected now")                                              \
	X(ST_QUEUED, "Te bezorgen", "To be delivered")                                             \
	X(ST_DEAD, "Niet te bezorgen", "Undeliverable")                                            \
	X(ST_BODIES, "Berichten bewaard", "Messages kept")                                         \
	X(ST_FILES, "Bestanden", "Files")                                                          \
	X(ST_INVITES, "Uitnodigingen", "Invitations")                                              \
	X(ST_STORE, "Opslag", "Store")                                                             \
	X(ST_DISK, "Schijf vrij", "Disk free")                                                     \
	X(ST_COMMITS, "Vastleggingen", "Commits")                                                  \
	X(ST_AUDIT, "Logboek", "Audit log")                                                        \
	X(ST_PATH, "Weg naar de schermen", "Path to the screens")                                  \
	X(PATH_WAITING, "nog niets gehoord sinds de start", "nothing heard since the start")       \
	X(PATH_FINE, "in orde: elk scherm in dienst toont de kanarie", "in order: each screen on duty shows the canary") \
	X(PATH_LATE, "LAAT: niet elk scherm in dienst toont de kanarie", "LATE: not each screen on duty shows the canary") \
	X(PATH_SILENT, "STIL: geen kluis laat iets horen", "SILENT: no vault is heard")            \
	X(ST_WRITES, "Schrijven", "Writing")                                                       \
	X(WRITES_OK, "in orde", "in order")                                                        \
	X(WRITES_STOPPED, "GESTOPT: de opslag is vol of kapot", "STOPPED: the store is full or broken") \
	X(ST_TIMERS, "Timers die lopen", "Timers running")                                         \
	X(ST_FROZEN, "Opruimen", "Clean-up")                                                       \
	X(FROZEN_NO, "vanzelf", "by itself")                                                       \
	X(FROZEN_YES, "WACHT na het terugzetten op: bakenctl expire",                              \
	  "WAITS after a restore for: bakenctl expire")                                            \
	X(AUDIT_OK, "Het logboek klopt: %s regels. Laatste controlegetal: %s",                     \
	  "The audit log is intact: %s entries. Last hash: %s")                                    \
	X(AUDIT_BAD, "Het logboek is veranderd bij regel %s.", "The audit log was altered at entry %s.") \
	X(INCIDENT_DONE, "Het dossier staat in %s. Kijk het na voordat u het weggeeft.",           \
	  "The file is in %s. Look through it before you hand it on.")                              \
	X(RIGHTS_REGISTRARS,                                                                       \
	  "Registrators: naam, controlegetal, nu geldig, tot, lijsten met een handtekening, mag aanmelden", \
	  "Registrars: name, fingerprint, valid now, until, lists with a signature, may enrol")     \
	X(RIGHTS_DEVICES,                                                                          \
	  "Toestellen van meldkamers, zorgteams en kluizen: nummer, rol, staat, geldig, in dienst, laatst gezien", \
	  "Devices of desks, care teams and vaults: id, role, status, valid, on duty, last seen")   \
	X(EXPORT_DONE, "Het logboek staat in %s.", "The audit log is in %s.")                      \
	X(EXPORT_OK, "Het logboek klopt, tot en met nummer %s (%s regels).",                       \
	  "The log is intact, up to number %s (%s lines).")                                        \
	X(EXPORT_HEADER, "Dit is geen logboek, of het begin is veranderd (bij nummer %s, regel %s).", \
	  "This is not an audit log, or its beginning was altered (at number %s, line %s).")       \
	X(EXPORT_ENTRY, "Nummer %s is veranderd of weg (regel %s).",                               \
	  "Number %s was altered or is missing (line %s).")                                        \
	X(EXPORT_CUT, "Het logboek is afgebroken na nummer %s (regel %s).",                        \
	  "The log is cut off after number %s (line %s).")                                         \
	X(EXPORT_HEAD, "De handtekening klopt niet (na nummer %s, regel %s).",                     \
	  "The signature does not fit (after number %s, line %s).")                                \
	X(EXPORT_AFTER, "Na de handtekening is iets toegevoegd (na nummer %s, regel %s).",         \
	  "Something was added after the signature (after number %s, line %s).")                   \
	X(EXPORT_FOREIGN, "Het logboek klopt (nummer %s, %s regels), maar is van een andere server.", \
	  "The log is intact (number %s, %s lines), but another server's.")                        \
	X(EXPORT_SIGNED, "Ondertekend op %s met sleutel %s.", "Signed at %s with key %s.")         \
	X(EXPORT_UNROOTED,                                                                         \
	  "Niet vergeleken met de hoofdsleutel: geef --root met root.pub van een plek die u vertrouwt.", \
	  "Not compared with the root key: give --root with root.pub from a place that you trust.") \
	X(BACKUP_DONE, "Reservekopie gemaakt in %s: %s bestanden, %s.",                            \
	  "Backup made in %s: %s files, %s.")                                                      \
	X(BACKUP_KEYS,                                                                             \
	  "De geheime sleutels van de server (seal.key, receipt.key, tls.key) staan er NIET in. "  \
	  "Bewaar die apart; zonder seal.key is deze kopie onbruikbaar.",                          \
	  "The server's secret keys (seal.key, receipt.key, tls.key) are NOT in it. Keep them "    \
	  "apart; without seal.key this backup is of no use.")                                     \
	X(RESTORE_DONE, "Teruggezet in %s en nagekeken:", "Restored into %s and verified:")        \
	X(RESTORE_NEXT,                                                                            \
	  "Toestellen melden zich vanzelf opnieuw aan. Geef nu de nieuwste lijsten terug: bakenctl roster publish", \
	  "Devices log in again by themselves. Now put the newest lists back: bakenctl roster publish") \
	X(RESTORE_DUE,                                                                             \
	  "Niets wordt vanzelf opgeruimd: %s regels zijn over tijd. Kijk eerst; dan: bakenctl expire", \
	  "Nothing is cleaned up by itself: %s rows are past their time. Look first; then: bakenctl expire") \
	X(RESTORE_TIMERS,                                                                          \
	  "Timers van personen staan stil: %s, waarvan %s meteen zouden afgaan. Vraag na of die mensen veilig zijn; " \
	  "bakenctl expire laat ze weer lopen.",                                                   \
	  "Timers of people stand still: %s, of which %s would fire at once. Ask whether those people are safe; " \
	  "bakenctl expire lets them run again.")                                                  \
	X(RESTORE_KEYS,                                                                            \
	  "Zet eerst de sleutels receipt.key en tls.key in %s; die staan niet in een reservekopie.", \
	  "First put the keys receipt.key and tls.key into %s; a backup does not hold them.")      \
	X(RESTORE_CONF, "Start met: bakend -c %s", "Start with: bakend -c %s")                     \
	X(CUT_DONE, "De verbinding van %s is verbroken.", "The connection of %s has been cut.")    \
	X(CUT_NONE, "Toestel %s was niet verbonden.", "Device %s was not connected.")              \
	X(EXPIRED, "Opgeruimd: %s bestanden.", "Cleaned up: %s files.")                            \
	X(HINT_PASS, "Kijk of hoofdletters en toetsenbord goed staan.",                            \
	  "Check capitals and the keyboard layout.")                                               \
	X(HINT_NET, "Draait bakend? Geef de map met --dir of de socket met --socket.",             \
	  "Is bakend running? Give its folder with --dir or its socket with --socket.")            \
	X(HINT_ROLE, "Deze registrator mag deze rol niet aanmelden. Gebruik de andere registrator.", \
	  "This registrar may not enrol this role. Use the other registrar.")                      \
	X(HINT_CHAIN, "Deze sleutel hoort bij een andere hoofdsleutel dan deze server.",           \
	  "This key belongs to another root than this server's.")                                  \
	X(HINT_INVITE, "Maak een nieuwe uitnodiging met: bakenctl invite",                         \
	  "Make a new invitation with: bakenctl invite")                                           \
	X(HINT_EXISTS, "Er wordt nooit iets overschreven. Kies een andere naam.",                  \
	  "Nothing is ever overwritten. Choose another name.")                                     \
	X(HINT_OLD,                                                                                \
	  "De server heeft een oudere lijst dan deze registrator. Is een oude reservekopie "       \
	  "teruggezet? Gebruik dan: bakenctl roster publish",                                      \
	  "The server has an older list than this registrar. Was an old backup restored? "         \
	  "Then use: bakenctl roster publish")                                                     \
	X(USE, "bakenctl [--dir MAP] [--socket S] [--passphrase-file F] [--lang nl|en] [--json] OPDRACHT ...", \
	  "bakenctl [--dir DIR] [--socket S] [--passphrase-file F] [--lang nl|en] [--json] COMMAND ...") \
	X(USE_MORE, "bakenctl OPDRACHT --help toont de opties. Handleiding: man bakenctl",             \
	  "bakenctl COMMAND --help shows its options. Manual: man bakenctl")                       \
	X(OPT_UNKNOWN, "onbekende optie", "unknown option")                                        \
	X(OPT_VALUE, "hier hoort wel of juist geen waarde bij", "takes a value, or takes none")    \

enum bk_ctl_text {
#define X(id, nl, en) BK_CTL_TEXT_##id,
	BK_CTL_TEXTS(X)
#undef X
	BK_CTL_TEXT_COUNT
};

const char *bk_ctl_text(enum bk_ctl_text id, enum bk_lang lang);
/* What to do about an error, or NULL. */
const char *bk_ctl_text_hint(int err, enum bk_lang lang);

#endif
