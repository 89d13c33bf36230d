/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * What the terminal says, in one table: Dutch (B1) first, English second. A language is a column; adding one
 * needs no other code. Texts are printf formats with the same arguments in every column (a test compares).
 *
 * Threads: pure. Memory: static.
 */
#ifndef BK_TEXTS_H
#define BK_TEXTS_H

#include "err.h"

/* X(id, nl, en) */
#define BK_TEXTS(X)                                                                                \
	X(ON_DEVICE, "op dit toestel", "on this device")                                           \
	X(STORED, "veilig opgeslagen bij de server", "stored safely at the server")                \
	X(DECRYPTED, "aangekomen bij de meldkamer", "arrived at the desk")                         \
	X(READ, "aangekomen bij de ontvanger", "arrived at the receiver")                          \
	X(CLAIMED, "opgepakt", "being handled")                                                    \
	X(ANSWERED, "beantwoord", "answered")                                                      \
	X(BY, "door", "by")                                                                        \
	X(WAITS, "Uw bericht staat op dit toestel. Het wordt vanzelf verstuurd zodra er verbinding is.", \
	  "Your message is on this device. It goes out by itself when there is a connection.")     \
	X(NEW_PASS, "Kies een wachtwoordzin (minstens 8 tekens): ",                                \
	  "Choose a passphrase (8 characters or more): ")                                          \
	X(NEW_PASS_AGAIN, "Nog een keer dezelfde wachtwoordzin: ", "The same passphrase again: ")  \
	X(ASK_PASS, "Wachtwoordzin: ", "Passphrase: ")                                             \
	X(PASS_DIFFER, "De twee zijn niet gelijk.", "The two are not the same.")                   \
	X(PASS_SHORT, "Een wachtwoordzin heeft minstens 8 tekens.",                                \
	  "A passphrase has 8 characters or more.")                                                \
	X(CANARY_LATE, "De kanarie is laat: niet elk scherm in dienst heeft hem getoond.",         \
	  "The canary is late: not each screen on duty has shown it.")                             \
	X(BAR_CANARY, "schermen getoetst", "screens checked")                                      \
	X(BAR_SILENT, "geen teken van het scherm van", "no sign from the screen of")               \
	X(HEALTH_WELL, "in orde", "in order")                                                      \
	X(ILL_NEVER_HEARD, "nog nooit iets gehoord", "never heard of")                             \
	X(ILL_SILENT, "al dagen niets gehoord", "not heard of for days")                           \
	X(ILL_DRILL_DUE, "het is tijd voor een oefening: baken drill", "a drill is due: baken drill") \
	X(ILL_CLOCK, "de klok loopt niet gelijk", "the clock is off")                              \
	X(ILL_NOTIFICATIONS, "meldingen staan uit", "notifications are off")                       \
	X(ILL_BACKGROUND, "mag niet op de achtergrond werken", "may not run in the background")    \
	X(ILL_STORAGE, "de opslag is bijna vol", "storage is nearly full")                         \
	X(ILL_WAITING, "veel berichten wachten op versturen", "many messages wait to be sent")     \
	X(ILL_PLACE, "mag de plaats niet weten", "may not know the place")                         \
	X(ILL_MICROPHONE, "mag de microfoon niet gebruiken", "may not use the microphone")         \
	X(ILL_CAMERA, "mag de camera niet gebruiken", "may not use the camera")                    \
	X(DRILL_LAST, "Laatste oefening", "Last drill")                                            \
	X(DRILL_SENT, "OEFENING: het proefalarm is onderweg ...", "DRILL: the test alarm is on its way ...") \
	X(DRILL_ANSWERED, "OEFENING geslaagd: een toestel van de meldkamer heeft geantwoord.",     \
	  "DRILL done: a device of the desk has answered.")                                        \
	X(DRILL_LATE, "OEFENING: de meldkamer heeft nog niet geantwoord. Bel de meldkamer als dit zo blijft.", \
	  "DRILL: the desk has not answered yet. Call the desk if this stays so.")                 \
	X(HEARD, "laatst gehoord", "last heard")                                                   \
	X(PIN_SHORT, "Een pincode heeft minstens 6 tekens.", "A PIN has 6 characters or more.")      \
	X(PIN_EQUAL, "Kies een andere pincode.", "Choose another PIN.")                            \
	X(PIN_SET, "De pincode is ingesteld.", "The PIN has been set.")                            \
	X(ASK_WIPE, "Alles op dit toestel wordt gewist. Dat kan niet terug. Typ: wissen",          \
	  "Everything on this device will be erased. That cannot be undone. Type: erase")          \
	X(WORD_WIPE, "wissen", "erase")                                                            \
	X(WIPED, "Alles is gewist.", "Everything has been erased.")                                \
	X(HINT_SHUT, "Ontgrendel het toestel eerst.", "Unlock the device first.")                  \
	X(HINT_RATE, "Wacht even en probeer het dan opnieuw.", "Wait a moment, then try again.")   \
	X(LINE_KEYS, "(Enter: versturen, Esc: terug)", "(Enter: send, Esc: back)")                  \
	X(ASK_CODE, "Typ de code van uw uitnodiging: ", "Type the code of your invitation: ")       \
	X(NO_TERMINAL, "Er is geen terminal om iets te vragen. Gebruik --passphrase-file.",        \
	  "There is no terminal to ask on. Use --passphrase-file.")                                \
	X(PASS_CHANGED, "De wachtwoordzin is veranderd.", "The passphrase has been changed.")      \
	X(ENROL_CONNECTING, "Verbinden met de server ...", "Connecting to the server ...")         \
	X(ENROL_WAITING, "Aangevraagd. Wacht op goedkeuring. Controlegetal: %s",                   \
	  "Requested. Waiting for approval. Fingerprint: %s")                                      \
	X(ENROL_VERIFIED, "Goedgekeurd. Uw toestel heeft de handtekeningen gecontroleerd.",        \
	  "Approved. Your device has verified the signatures.")                                    \
	X(ENROL_DRILL, "Oefening: een proefalarm ...", "Drill: a test alarm ...")                  \
	X(ENROL_DONE, "De oefening is geslaagd. Dit toestel is klaar voor gebruik.",               \
	  "The drill worked. This device is ready.")                                               \
	X(ENROL_REFUSED, "De aanvraag is geweigerd.", "The request was refused.")                  \
	X(NOT_ENROLLED, "Dit toestel is nog niet aangemeld. Begin met: baken enrol CODE",          \
	  "This device is not enrolled yet. Start with: baken enrol CODE")                         \
	X(STATUS_ROLE, "Rol", "Role")                                                              \
	X(STATUS_NAME, "Naam", "Name")                                                             \
	X(STATUS_DEVICE, "Toestel", "Device")                                                      \
	X(STATUS_LINK, "Verbinding", "Connection")                                                 \
	X(STATUS_ONLINE, "verbonden", "connected")                                                 \
	X(STATUS_OFFLINE, "geen verbinding; laatste contact %s",                                   \
	  "no connection; last contact %s")                                                        \
	X(STATUS_DUTY, "In dienst", "On duty")                                                     \
	X(STATUS_DUTY_N, "%lld toestel(len) van de meldkamer", "%lld device(s) of the desk")       \
	X(STATUS_QUEUE, "Nog te versturen", "Waiting to be sent")                                  \
	X(STATUS_ROSTER, "Toestellenlijst", "List of devices")                                     \
	X(ROSTER_FRESH, "in orde", "up to date")                                                   \
	X(ROSTER_SOFT, "wordt oud: vraag om een nieuwe", "getting old: ask for a new one")         \
	X(ROSTER_HARD, "te oud: alleen alarm kan nog", "too old: only an alarm can still go")      \
	X(STATUS_CLOCK, "Klok", "Clock")                                                           \
	X(CLOCK_OK, "loopt gelijk", "in step")                                                     \
	X(CLOCK_OFF, "wijkt %lld seconden af", "is %lld seconds off")                              \
	X(NEVER, "nooit", "never")                                                                 \
	X(NOTHING, "Er is niets.", "There is nothing.")                                            \
	X(REPORT_SAVED, "Melding %s is bewaard.", "Report %s has been saved.")                     \
	X(MESSAGE_SAVED, "Bericht %s is bewaard.", "Message %s has been saved.")                   \
	X(ACKNOWLEDGED, "Bevestigd.", "Acknowledged.")                                             \
	X(ASKED_AGAIN, "Het bericht is opnieuw gevraagd.", "The message has been asked for again.") \
	X(FILE_VERIFIED, "volledig aangekomen", "arrived complete")                               \
	X(FILE_REMOTE, "bij de server; ophalen met: baken save", "at the server; fetch with: baken save") \
	X(FILE_FETCHING, "wordt opgehaald", "being fetched")                                       \
	X(FILE_READY, "op dit toestel, volledig", "on this device, complete")                      \
	X(FILE_FAILED, "niet te lezen", "cannot be read")                                         \
	X(ROLE_PERSON, "persoon", "person")                                                        \
	X(ROLE_RELATIVE, "naaste", "relative")                                                     \
	X(ROLE_CHILD, "kind", "child")                                                             \
	X(ROLE_OFFICER, "dienstdoende", "officer")                                                 \
	X(ROLE_LEAD, "leidinggevende van dienst", "shift lead")                                    \
	X(ROLE_CARE, "zorgverlener", "care provider")                                              \
	X(ROLE_VAULT, "kluis", "vault")                                                            \
	X(FROM, "Van", "From")                                                                     \
	X(WRITTEN, "Geschreven", "Written")                                                        \
	X(ALARM_ARMED, "Alarm over 5 seconden. Vergissing? Typ uw pincode en druk op Enter.",      \
	  "Alarm in 5 seconds. A mistake? Type your PIN and press Enter.")                         \
	X(ALARM_CANCELLED, "Het alarm is gestopt. Er is niemand gewaarschuwd.",                    \
	  "The alarm has been stopped. Nobody was warned.")                                        \
	X(ALARM_SENT, "Het alarm is onderweg.", "The alarm is on its way.")                        \
	X(ALARM_STORED, "Het alarm staat veilig bij de server.", "The alarm is stored safely at the server.") \
	X(ALARM_SEEN, "De meldkamer heeft het alarm gezien:", "The desk has seen the alarm:")      \
	X(ALARM_CLAIMED, "Het alarm is opgepakt:", "The alarm is being handled:")                  \
	X(ALARM_NO_RECEIPT, "Nog geen antwoord van de server. Bel 112 als u dat kunt.",            \
	  "No answer from the server yet. Call 112 if you can.")                                   \
	X(ALARM_ENDED, "Het alarm is voorbij.", "The alarm is over.")                              \
	X(ALARM_TOO_LATE, "Te laat: het alarm is al weg. Is het voorbij? Typ dan: baken safe",     \
	  "Too late: the alarm has gone. Is it over? Then type: baken safe")                       \
	X(ALARM_WRONG_PIN, "Die pincode klopt niet. Probeer het nog eens.",                        \
	  "That PIN is not right. Try again.")                                                     \
	X(ALARM_WAITS, "Het alarm wacht op verbinding en gaat dan vanzelf. Bel 112 als u dat kunt.", \
	  "The alarm waits for a connection and then goes by itself. Call 112 if you can.")        \
	X(ASK_PIN, "Pincode: ", "PIN: ")                                                           \
	X(SAFE_TOLD, "De meldkamer hoort dat het voorbij is. Alleen de meldkamer sluit de zaak.",  \
	  "The desk hears that it is over. Only the desk closes the case.")                        \
	X(PLACE_TAKEN, "Uw plek is bekend. Hij gaat alleen weg bij een alarm of als u hem deelt.", \
	  "Your place is known. It leaves only with an alarm, or while you share it.")             \
	X(SHARE_UNTIL, "De meldkamer ziet uw plek tot", "The desk sees your place until")          \
	X(SHARE_STOPPED, "Uw plek wordt niet meer gedeeld.", "Your place is no longer shared.")    \
	X(SILENT_ALARM, "stil: niet terugbellen", "silent: do not call back")                      \
	X(DRILL, "OEFENING", "DRILL")                                                              \
	X(GUIDANCE, "Advies", "Guidance")                                                          \
	X(REPORT, "Melding", "Report")                                                             \
	X(MESSAGE, "Bericht", "Message")                                                           \
	X(WHERE, "Waar", "Where")                                                                  \
	X(WHEN, "Wanneer", "When")                                                                 \
	X(URGENCY, "Hoe dringend", "How urgent")                                                   \
	X(CERTAINTY, "Hoe zeker", "How sure")                                                      \
	X(FILES, "Bestanden", "Files")                                                             \
	X(PLEASE_ACK, "Bevestig dit met: baken acknowledge %s",                                    \
	  "Confirm this with: baken acknowledge %s")                                               \
	X(FETCHING, "Ophalen", "Fetching")                                                         \
	X(SENDING, "Versturen", "Sending")                                                         \
	X(ENCRYPTING, "Versleutelen", "Encrypting")                                                \
	X(SAVED_TO, "Opgeslagen als %s. Het controlegetal klopt: %s",                              \
	  "Saved as %s. The hash matches: %s")                                                     \
	X(CLAIM_WON, "U hebt deze zaak opgepakt.", "You have claimed this case.")                 \
	X(CLAIM_LOST, "%s was u voor, om %s.", "%s was faster, at %s.")                            \
	X(RELEASED, "U hebt deze zaak losgelaten.", "You have released this case.")               \
	X(CLOSED, "De zaak is gesloten. De melder krijgt uw antwoord.",                            \
	  "The case is closed. The person gets your answer.")                                      \
	X(NOTED, "De notitie is bewaard.", "The note has been saved.")                             \
	X(PROMISED, "De melder weet nu wanneer u weer contact opneemt.", \
	  "The person now knows when you will be in touch.") \
	X(URGENCY_SET, "De urgentie is veranderd. Wat de melder zei, blijft zichtbaar.", \
	  "The urgency has changed. What the person said stays visible.") \
	X(JOINED, "U werkt mee aan deze zaak.", "You work along on this case.")              \
	X(LEFT, "U werkt niet meer mee aan deze zaak.", "You no longer work along on this case.") \
	X(ESCALATED, "De zaak is opgeschaald. De hele meldkamer ziet het.", \
	  "The case is escalated. The whole desk sees it.") \
	X(LINKED, "De twee zaken verwijzen nu naar elkaar.", "The two cases now name each other.") \
	X(NOTHING_DUE, "Er is nu niets te laat of bijna te laat.", \
	  "Nothing is late or nearly late now.") \
	X(NO_SUCH_TIME, "Dit tijdstip klopt niet. Typ bijvoorbeeld 14:30 of +30m.", \
	  "This time is not right. Type for example 14:30 or +30m.") \
	X(ASK_PROMISE, "Wanneer hoort de melder weer van u? (14:30, +30m, +2h, none)", \
	  "When does the person hear from you again? (14:30, +30m, +2h, none)") \
	X(ASK_NEW_URGENCY, "Hoe dringend? (now, today, can-wait, as-said)", \
	  "How urgent? (now, today, can-wait, as-said)") \
	X(ANSWER_BY, "voor", "before")                                                       \
	X(PROMISED_AT, "beloofd:", "promised:")                                              \
	X(PROMISE_NONE, "vervallen", "withdrawn")                                            \
	X(TOO_LATE, ", te laat", ", too late")                                               \
	X(NEXT_CONTACT, "U hoort weer van de meldkamer:", "You will hear from the desk again:") \
	X(FLAG_ALARM, "ALARM", "ALARM")                                                      \
	X(FLAG_MISSED, "NIET INGECHECKT", "MISSED CHECK-IN")                                 \
	X(FLAG_DURESS, "DWANG", "DURESS")                                                    \
	X(FLAG_BACKUP, "VAN EEN ANDERE MELDKAMER", "OF ANOTHER DESK")                        \
	X(FLAG_GUT, "onderbuikgevoel", "gut feeling")                                        \
	X(STATE_TRANSFERRED, "overgedragen", "transferred")                                  \
	X(LOG_OPENED, "gemeld", "reported")                                                  \
	X(LOG_RELEASED, "losgelaten", "released")                                            \
	X(LOG_REPLIED, "antwoord gestuurd", "replied")                                       \
	X(LOG_NOTE, "notitie, blijft in de meldkamer", "note, stays at the desk")            \
	X(LOG_REOPENED, "weer geopend", "opened again")                                      \
	X(LOG_PROMISED, "contact beloofd", "contact promised")                               \
	X(LOG_ESCALATED, "opgeschaald", "escalated")                                         \
	X(LOG_HANDED_OVER, "overgedragen aan een collega", "handed over to a colleague")     \
	X(LOG_EXPORTED, "feiten doorgegeven", "facts passed on")                             \
	X(LOG_LINKED, "hoort bij een zaak van hetzelfde gezin", \
	  "belongs to a case of the same household") \
	X(LOG_JOINED, "werkt mee", "works along")                                            \
	X(LOG_LEFT, "werkt niet meer mee", "no longer works along")                          \
	X(LOG_READ, "gelezen", "read")                                                       \
	X(LOG_SEEN, "gezien", "seen")                                                        \
	X(LOG_MESSAGE, "bericht van de melder", "message of the person")                     \
	X(LOG_ALARM_ENDED, "melder zegt: voorbij", "person says: over")                      \
	X(DUTY_ON, "U bent in dienst.", "You are on duty.")                                        \
	X(DUTY_OFF, "U bent uit dienst.", "You are off duty.")                                     \
	X(BOARD_TITLE, "Meldkamer", "Duty desk")                                                   \
	X(BOARD_HEAD, "  zaak      dringend      toestand                 wacht op antwoord",  \
	  "  case      urgency       state                    waits for an answer")            \
	X(BOARD_EMPTY, "Er zijn geen open zaken.", "There are no open cases.")                     \
	X(BOARD_KEYS, "↑↓ kies  o open  c oppakken  l loslaten  m meewerken  a antwoord  p beloof",  \
	  "↑↓ choose  o open  c claim  l release  m join  a answer  p promise")                    \
	X(BOARD_KEYS_MORE, "u urgentie  e opschalen  s sluit  n notitie  q stop",                  \
	  "u urgency  e escalate  s close  n note  q quit")                                        \
	X(ASK_TEXT, "Tekst: ", "Text: ")                                                           \
	X(ASK_REASON, "Reden: ", "Reason: ")                                                       \
	X(ASK_FEEDBACK, "Antwoord aan de melder: ", "Answer to the person: ")                      \
	X(ANY_KEY, "Druk op een toets om terug te gaan.", "Press a key to go back.")               \
	X(STATE_OPEN, "nieuw", "new")                                                              \
	X(STATE_CLAIMED, "opgepakt", "claimed")                                                    \
	X(STATE_CLOSED, "gesloten", "closed")                                                      \
	X(URGENCY_NOW, "nu", "now")                                                                \
	X(URGENCY_TODAY, "vandaag", "today")                                                       \
	X(URGENCY_CAN_WAIT, "kan wachten", "can wait")                                             \
	X(URGENCY_NONE, "niet gezegd", "not said")                                                 \
	X(CERTAINTY_GUT, "onderbuikgevoel", "gut feeling")                                         \
	X(CERTAINTY_UNSURE, "niet zeker", "unsure")                                                \
	X(CERTAINTY_SURE, "zeker", "sure")                                                         \
	X(VAULT_RUNS, "De kluis draait. Stoppen met Ctrl-C.", "The vault runs. Stop with Ctrl-C.") \
	X(HAND_CASE, "zaak", "case")                                                               \
	X(HAND_ALARM, "alarm", "alarm")                                                            \
	X(HAND_PROMISE, "belofte", "promise")                                                      \
	X(HAND_WATCH, "timer", "timer")                                                            \
	X(HAND_RISK, "risico", "risk")                                                             \
	X(HAND_UNSENT, "niet weg", "not sent")                                                     \
	X(HAND_OFFERED, "aangeboden", "offered")                                                   \
	X(HAND_ACCEPTED, "overgenomen", "accepted")                                                \
	X(HAND_REFUSED, "geweigerd", "refused")                                                    \
	X(HAND_MOVED, "overgedragen", "handed over")                                               \
	X(HAND_FAILED, "niet gelukt", "did not work")                                              \
	X(HAND_TAKEN_BACK, "Overdracht ingetrokken", "Handover taken back")                        \
	X(HAND_LEFT, "Dit staat nog open:", "This is still open:")                                 \
	X(HAND_NOTHING_LEFT, "Er staat niets meer open.", "Nothing is left open.")                 \
	X(HAND_SENT, "Aangeboden. U blijft verantwoordelijk tot uw collega elk punt overneemt.",   \
	  "Offered. You stay responsible until your colleague has accepted each item.")            \
	X(HAND_ANSWERED, "Uw antwoord is verstuurd.", "Your answer was sent.")                     \
	X(SHIFT_ON, "in dienst", "on duty")                                                        \
	X(SHIFT_OFF, "vrij", "off duty")                                                           \
	X(SHIFT_GRANTED, "Uw collega kan de zaak nu lezen. Dat is niet terug te draaien.",         \
	  "Your colleague can read the case now. That cannot be undone.")                          \
	X(SHIFT_ASKED, "Gevraagd aan de kluis.", "Asked the vault.")                               \
	X(SHIFT_GAP, "TE WEINIG MENSEN", "TOO FEW PEOPLE")                                         \
	X(VAULT_COUNT, "%lld bericht(en) bewaard", "%lld message(s) kept")                         \
	X(UNDECRYPTABLE, "Een bericht kan niet worden gelezen. Vraag het opnieuw met: baken ask-again %s", \
	  "A message cannot be read. Ask for it again with: baken ask-again %s")                   \
	X(REVOKED, "Dit toestel is ingetrokken. De sleutels zijn gewist.",                         \
	  "This device has been withdrawn. Its keys have been erased.")                            \
	X(UNLOCKED, "Ontgrendeld voor %lld minuten.", "Unlocked for %lld minutes.")                \
	X(LOCKED, "Vergrendeld.", "Locked.")                                                       \
	X(PERSON_STORED, "verstuurd", "sent")                                                      \
	X(PERSON_READ, "gelezen door toestel", "read by device")                                   \
	X(PERSON_ACK, "bevestigd", "acknowledged")                                                 \
	X(NOT_YET, "nog niet", "not yet")                                                          \
	X(GUIDE_SAVED, "Advies klaargezet: %s", "Guidance ready: %s")                              \
	X(GUIDE_ASKED, "Een collega moet eerst akkoord geven", "A colleague must consent first")   \
	X(GUIDE_SENDING, "Versturen", "Sending")                                                   \
	X(GUIDE_OF, "van", "of")                                                                   \
	X(GUIDE_OVERDUE, "te laat met bevestigen", "late to confirm")                              \
	X(GUIDE_VALID, "geldt", "valid")                                                           \
	X(GUIDE_EXPIRED, "verlopen", "expired")                                                    \
	X(GUIDE_RECALLED, "ingetrokken", "recalled")                                               \
	X(GUIDE_UNTIL, "geldt tot", "valid until")                                                 \
	X(GUIDE_REASON, "reden", "reason")                                                         \
	X(GUIDE_RECALL_DONE, "Ingetrokken. Iedereen ziet dit in plaats van het advies.",           \
	  "Recalled. Everybody sees this instead of the guidance.")                                \
	X(GUIDE_WAITS, "wacht op een collega", "waits for a colleague")                            \
	X(GUIDE_GIVEN, "akkoord", "consented")                                                     \
	X(GUIDE_REFUSED, "geweigerd", "refused")                                                   \
	X(GUIDE_TAKEN_BACK, "teruggenomen", "taken back")                                          \
	X(GUIDE_SENT, "verstuurd", "sent")                                                         \
	X(GUIDE_PEOPLE, "mensen", "people")                                                        \
	X(GUIDE_ANSWERED, "Uw antwoord is klaargezet: %s", "Your answer is ready: %s")             \
	X(GROUP_SAVED, "Groep bewaard: %s", "Group saved: %s")                                     \
	X(GROUP_REMOVED, "Groep verwijderd: %s", "Group removed: %s")                              \
	X(WITH, "hoort bij", "belongs with")                                                       \
	X(HELP_MORE, "Meer over een woord: baken help WOORD. Alles: man baken.",                  \
	  "More about one word: baken help WORD. Everything: man baken.")                          \
	X(UNKNOWN_COMMAND, "dit woord is onbekend", "unknown word")                                \
	X(DID_YOU_MEAN, "Bedoelt u:", "Did you mean:")                                             \
	X(UNKNOWN_OPTION, "deze optie is onbekend", "unknown option")                              \
	X(OPTION_VALUE, "deze optie heeft een waarde nodig, of mag er geen hebben", "this option takes a value, or takes none") \
	X(EXPORTED, "%s bewijzen opgeslagen.", "%s receipts saved.")                              \
	X(UNREADABLE, "Niet te lezen", "Unreadable")                                               \
	X(ASK_WHAT, "Wat is er gebeurd? (leeg = stoppen)", "What happened? (empty = stop)")        \
	X(ASK_WHERE, "Waar? (Enter = overslaan)", "Where? (Enter = skip)")                         \
	X(ASK_WHEN, "Wanneer? (Enter = overslaan)", "When? (Enter = skip)")                        \
	X(ASK_FILE, "Een foto, film, geluid of bestand erbij? Typ het pad. (Enter = geen)",        \
	  "A photo, film, sound or file with it? Type its path. (Enter = none)")                   \
	X(ASK_MORE_FILES, "Nog een bestand? (Enter = nee)", "Another file? (Enter = no)")          \
	X(ASK_URGENCY, "Hoe dringend is dit voor u?  1 nu   2 vandaag   3 kan wachten   (Enter = overslaan)", \
	  "How urgent is this for you?  1 now   2 today   3 can wait   (Enter = skip)")            \
	X(ASK_CERTAINTY, "Hoe zeker bent u?  1 zeker   2 niet zeker   3 onderbuikgevoel   (Enter = overslaan)", \
	  "How sure are you?  1 sure   2 not sure   3 gut feeling   (Enter = skip)")               \
	X(NO_SUCH_MESSAGE, "Dit bericht is er niet, of meer berichten beginnen zo. Kijk met: baken messages", \
	  "There is no such message, or more than one. See: baken messages")                       \
	X(NO_SUCH_FILE, "Dit bestand is er niet, of is niet te lezen.", "There is no such file, or it cannot be read.") \
	X(WATCH_ASKED, "op dit toestel; de meldkamer weet het nog NIET", "on this device; the desk does NOT know yet") \
	X(WATCH_ARMED, "loopt", "runs")                                                            \
	X(WATCH_WARNING, "bijna tijd: laat weten dat u veilig bent", "almost time: say that you are safe") \
	X(WATCH_LATE, "TE LAAT: laat nu weten dat u veilig bent", "LATE: say now that you are safe") \
	X(WATCH_FIRED, "ALARM bij de meldkamer", "ALARM at the desk")                              \
	X(WATCH_ENDED, "klaar", "over")                                                            \
	X(WATCH_UNCONFIRMED, "De server weet dit nog niet. Het alarm kan op de oude tijd afgaan.",  \
	  "The server does not know this yet. The alarm may go off at the old time.")              \
	X(WATCH_CHECK_IN, "inchecken", "check-in")                                                 \
	X(WATCH_JOURNEY, "onderweg", "journey")                                                    \
	X(WATCH_UNTIL, "tot", "until")                                                             \
	X(WATCH_LAST_PLACE, "Laatste plaats", "Last place")                                        \
	X(WATCH_SERVER_DOWN, "De server lag stil", "The server was down")                          \
	X(WATCH_PIN, "Pincode of wachtwoordzin: ", "PIN or passphrase: ")                          \
	X(WATCH_WHICH, "Welke timer? Kies er een uit: baken watch", "Which timer? Choose one from: baken watch") \
	X(ONE_TWO_THREE, "Typ 1, 2 of 3.", "Type 1, 2 or 3.")                                      \
	X(NOTHING_SENT, "Er is niets verstuurd.", "Nothing was sent.")                            \
	X(E_PREFIX, "Fout", "Error")                                                               \
	X(HINT_LOCKED, "Een ander programma gebruikt deze gegevens. Sluit dat eerst.",             \
	  "Another program uses this data. Close that first.")                                     \
	X(HINT_EXISTS, "Kies een andere naam. Er wordt niets overschreven.", "Choose another name. Nothing is overwritten.") \
	X(SAVING, "Opslaan", "Saving")                                                            \
	X(HINT_NET, "Controleer de verbinding. Uw berichten blijven op dit toestel bewaard.",      \
	  "Check the connection. Your messages stay on this device.")                              \
	X(HINT_FULL, "Maak ruimte vrij op dit toestel. Er is niets verloren gegaan.",              \
	  "Free some space on this device. Nothing has been lost.")                                \
	X(HINT_PASS, "Probeer het opnieuw.", "Try again.")                                         \
	X(HINT_TLS, "Deze server is niet te vertrouwen. Er is niets verstuurd. Vraag uw "          \
		    "contactpersoon om hulp.",                                                     \
	  "This server cannot be trusted. Nothing was sent. Ask your contact for help.")           \
	X(HINT_CODE, "Kijk of de code goed is overgenomen, of vraag een nieuwe.",                  \
	  "Check that the code was copied well, or ask for a new one.")                           

enum bk_text {
#define X(id, nl, en) BK_TEXT_##id,
	BK_TEXTS(X)
#undef X
	BK_TEXT_COUNT
};

const char *bk_text(enum bk_text id, enum bk_lang lang);
/* What a person can do about an error; NULL when there is nothing more to say. */
const char *bk_text_hint(int err, enum bk_lang lang);

#endif
