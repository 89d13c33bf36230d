/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Sentences that a person may see, Dutch at level B1 and English. Threads: pure. */
#ifndef BK_LANG_H
#define BK_LANG_H

#include "err.h"

/* X(name, English, Dutch) */
#define BK_SAY_MAP(X)                                                                              \
	X(BK_SAY_CARE_TO_DESK, "A care message never goes to the desk",                            \
	  "Een bericht van de zorg gaat nooit naar de meldkamer")                                  \
	X(BK_SAY_DESK_TO_CARE, "A message of the desk never goes to the care team",                \
	  "Een bericht van de meldkamer gaat nooit naar de zorg")                                  \
	X(BK_SAY_ROLE, "You cannot do this with your role", "Dit kan niet met uw rol")             \
	X(BK_SAY_NOT_ENROLLED, "This device is not enrolled yet", "Dit toestel is nog niet aangemeld") \
	X(BK_SAY_ENROLLED, "This device is enrolled already", "Dit toestel is al aangemeld")       \
	X(BK_SAY_CODE, "This code is not right. Check what you typed",                             \
	  "Deze code klopt niet. Kijk na wat u hebt getypt")                                       \
	X(BK_SAY_UNKNOWN_COMMAND, "Unknown command", "Onbekende opdracht")                         \
	X(BK_SAY_UNKNOWN_FIELD, "A field is unknown", "Een veld is onbekend")                      \
	X(BK_SAY_FIELD, "A field is missing or not right", "Een veld ontbreekt of klopt niet")     \
	X(BK_SAY_OFFLINE, "There is no connection now. Try again later",                           \
	  "Er is nu geen verbinding. Probeer het later nog eens")                                  \
	X(BK_SAY_OLD_LIST, "The list of devices is too old. The message waits for a new list",     \
	  "De toestellenlijst is te oud. Het bericht wacht op een nieuwe lijst")                   \
	X(BK_SAY_NO_RECEIVER, "Nobody can receive this now. The message waits",                    \
	  "Niemand kan dit nu ontvangen. Het bericht wacht")                                       \
	X(BK_SAY_UNREAD, "Nobody has fetched this message for 90 days. Send it again if it still matters", \
	  "Niemand heeft dit bericht in 90 dagen opgehaald. Stuur het opnieuw als het nog belangrijk is") \
	X(BK_SAY_NOT_OWNER, "You did not pick up this case", "U hebt deze zaak niet opgepakt")     \
	X(BK_SAY_NO_KEY, "The first message of this case is not on this device",                   \
	  "Het eerste bericht van deze zaak staat niet op dit toestel")                            \
	X(BK_SAY_GAP, "This text still has a gap between {{ and }}. Fill it in first",             \
	  "Deze tekst heeft nog een open plek tussen {{ en }}. Vul die eerst in")                  \
	X(BK_SAY_RECALLED, "The desk has taken this guidance back. You need not confirm it",       \
	  "De meldkamer heeft dit advies ingetrokken. U hoeft het niet te bevestigen")             \
	X(BK_SAY_FOUR_EYES, "Somebody else must judge this: you asked for it yourself",            \
	  "Iemand anders moet dit beoordelen: u hebt het zelf gevraagd")                           \
	X(BK_SAY_ANSWERED, "This request has been answered, or is over",                           \
	  "Op dit verzoek is al geantwoord, of het is verlopen")                                   \
	X(BK_SAY_LISTS, "Not all lists are here yet. Try again in a moment",                       \
	  "Nog niet alle lijsten zijn binnen. Probeer het zo nog eens")                            \
	X(BK_SAY_DURESS, "This person is being forced. Do not call and do not mention it",           \
	  "Deze persoon wordt gedwongen. Niet bellen, er niet over beginnen")                      \
	X(BK_SAY_OWN_WORDS, "Somebody said that they have a feeling. Answer in your own words before you close", \
	  "Iemand meldde een gevoel. Antwoord eerst in uw eigen woorden. Sluit daarna de zaak")    \
	X(BK_SAY_HOUSEHOLD, "These people are not of one household",                               \
	  "Deze mensen horen niet bij hetzelfde gezin")                                            \
	X(BK_SAY_TIME, "This time has passed, or is too far away",                                 \
	  "Dit tijdstip is al voorbij, of te ver weg")                                             \
	X(BK_SAY_LEAD, "Only the lead of the shift can change this",                               \
	  "Alleen de dienstleider kan dit veranderen")                                             \
	X(BK_SAY_NO_VAULT, "This desk has no vault to ask", "Deze dienst heeft geen kluis om te vragen")    \
	X(BK_SAY_DUTY_LEFT, "You cannot go off duty yet: something is still yours. Hand it over first",    \
		"U kunt nog niet uit dienst: er staat nog iets open. Draag het eerst over")                \
	X(BK_SAY_FORCE, "Only a lead can do this in spite of what is left",                        \
		"Alleen een leidinggevende mag dit doen terwijl er nog iets openstaat")            \
	X(BK_SAY_NOT_ON_DUTY, "That device is not on duty at this desk",                           \
		"Dat toestel heeft geen dienst bij deze meldkamer")                                \
	X(BK_SAY_NOTHING_LEFT, "There is nothing to hand over", "Er is niets om over te dragen")   \
	X(BK_SAY_NOT_RECEIVER, "This handover is not for this device, or it is over",              \
		"Deze overdracht is niet voor dit toestel, of is al voorbij")                      \
	X(BK_SAY_WATCH_DUE, "Choose a time that is still to come, and within 31 days",              \
	  "Kies een tijd die nog moet komen, en binnen 31 dagen")                                  \
	X(BK_SAY_ALARM, "Alarm: help is needed now", "Alarm: er is nu hulp nodig")                 \
	X(BK_SAY_SILENT_ALARM, "Silent alarm: cannot talk. Do not call back",                      \
	  "Stil alarm: kan niet praten. Niet terugbellen")                                         \
	X(BK_SAY_CALL_112, "The server has not confirmed your alarm yet. Call 112 if you can",     \
	  "De server heeft uw alarm nog niet bevestigd. Bel 112 als u dat kunt")                   \
	X(BK_SAY_ALARM_WAITS, "An alarm waits and nobody has opened it",                           \
	  "Er wacht een alarm dat niemand heeft geopend")                                          \
	X(BK_SAY_FATAL, "Storing failed. Nothing was lost. Start the program again",               \
	  "Opslaan is mislukt. Er is niets verloren. Start het programma opnieuw")

enum bk_say {
	BK_SAY_NOTHING = 0,
#define X(name, en, nl) name,
	BK_SAY_MAP(X)
#undef X
};
/* The sentence, or that of the error when there is none. Never NULL. */
const char *bk_lang_say(enum bk_say say, int err, enum bk_lang lang);

#endif
