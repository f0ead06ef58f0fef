package wire

// Code says what went wrong, or what was remarked, as one of a closed set of words (protocol, section 8). A Code is an error of its
// own, so that errors.Is(err, CodeTruncated) asks whether err is, or wraps, a Problem with that code.
type Code string

// The codes.
const (
	CodeMalformed           Code = "malformed"
	CodeTooLarge            Code = "too_large"
	CodeTooDeep             Code = "too_deep"
	CodeBomb                Code = "bomb"
	CodeTruncated           Code = "truncated"
	CodeProtocolUnsupported Code = "protocol_unsupported"
	CodeChallenge           Code = "challenge"
	CodeUnauthenticated     Code = "unauthenticated"
	CodeUnknownReplica      Code = "unknown_replica"
	CodeRevoked             Code = "revoked"
	CodeUnknownLedger       Code = "unknown_ledger"
	CodeBadHead             Code = "bad_head"
	CodeBrokenChain         Code = "broken_chain"
	CodeWrongLedger         Code = "wrong_ledger"
	CodeValuesMissing       Code = "values_missing"
	CodeForked              Code = "forked"
	CodeIneffective         Code = "ineffective"
	CodeViolation           Code = "violation"
	CodePending             Code = "pending"
	CodeUntimed             Code = "untimed"
	CodeBadCode             Code = "bad_code"
	CodeForbidden           Code = "forbidden"
	CodeNotFound            Code = "not_found"
	CodeStale               Code = "stale"
	CodeInvalid             Code = "invalid"
	CodeBadPhoto            Code = "bad_photo"
	CodeBarred              Code = "barred"
	CodeDamaged             Code = "damaged"
	CodeBusy                Code = "busy"
	CodeFull                Code = "full"
	CodeInternal            Code = "internal"
)

// Error returns the code itself.
func (c Code) Error() string { return string(c) }

// Known reports whether c is one of the codes of this version of the protocol. A newer peer may send others: they are shown with
// their detail and treated as a remark.
func (c Code) Known() bool { _, ok := codeTable[c]; return ok }

// Status returns the HTTP status under which c is answered, or 0 for a code that only frames carry and for an unknown one.
func (c Code) Status() int { return codeTable[c].status }

// Title returns what c means, in a few words of the language.
func (c Code) Title(l Language) string { return l.pick(codeTable[c].title, string(c)) }

// Action returns what the person or program that meets c should do next.
func (c Code) Action(l Language) string { return l.pick(codeTable[c].action, "") }

// Codes returns every code, in the order of the protocol's table.
func Codes() []Code {
	return []Code{
		CodeMalformed, CodeTooLarge, CodeTooDeep, CodeBomb, CodeTruncated, CodeProtocolUnsupported, CodeChallenge,
		CodeUnauthenticated, CodeUnknownReplica, CodeRevoked, CodeUnknownLedger, CodeBadHead, CodeBrokenChain, CodeWrongLedger,
		CodeValuesMissing, CodeForked, CodeIneffective, CodeViolation, CodePending, CodeUntimed, CodeBadCode, CodeForbidden,
		CodeNotFound, CodeStale, CodeInvalid, CodeBadPhoto, CodeBarred, CodeDamaged, CodeBusy, CodeFull, CodeInternal,
	}
}

// Language is a language that the texts of codes exist in.
type Language string

// The languages.
const (
	English Language = "en"
	French  Language = "fr"
)

// pick returns the text of the language; English stands in for a language that isn't known, fallback for a text that isn't.
func (l Language) pick(t bilingual, fallback string) string {
	switch {
	case t.en == "":
		return fallback
	case l == French:
		return t.fr
	default:
		return t.en
	}
}

type bilingual struct{ en, fr string }

type codeEntry struct {
	status        int // 0: frames only
	title, action bilingual
}

// codeTable is the one place where codes meet HTTP and people. It is read only.
var codeTable = map[Code]codeEntry{
	CodeMalformed: {
		400,
		bilingual{"the message is not well formed", "le message est mal formé"},
		bilingual{"update the program that sent it, and report the detail", "mettez à jour le programme émetteur et signalez le détail"},
	},
	CodeTooLarge: {
		413,
		bilingual{"the message is too large", "le message est trop volumineux"},
		bilingual{"send less at once", "envoyez moins de données à la fois"},
	},
	CodeTooDeep: {
		400,
		bilingual{"the message is nested too deeply", "le message est imbriqué trop profondément"},
		bilingual{"update the program that sent it, and report the detail", "mettez à jour le programme émetteur et signalez le détail"},
	},
	CodeBomb: {
		413,
		bilingual{"the message expands beyond the limit", "le message dépasse la limite une fois décompressé"},
		bilingual{"send less at once", "envoyez moins de données à la fois"},
	},
	CodeTruncated: {
		400,
		bilingual{"the transfer was cut", "le transfert a été interrompu"},
		bilingual{"sync again: what arrived whole was kept", "relancez la synchronisation\u00a0: ce qui est arrivé entier est conservé"},
	},
	CodeProtocolUnsupported: {
		400,
		bilingual{"this version of the protocol is not spoken here", "cette version du protocole n’est pas prise en charge"},
		bilingual{"update the older of the two programs", "mettez à jour le plus ancien des deux programmes"},
	},
	CodeChallenge: {
		401,
		bilingual{"the request must be signed again", "la requête doit être signée à nouveau"},
		bilingual{"sign it with the new challenge and repeat it", "signez-la avec le nouveau défi et répétez-la"},
	},
	CodeUnauthenticated: {
		401,
		bilingual{"the sender could not be recognised", "l’expéditeur n’a pas été reconnu"},
		bilingual{"sign in again, or check the key of this tablet", "reconnectez-vous ou vérifiez la clé de cette tablette"},
	},
	CodeUnknownReplica: {
		401,
		bilingual{"no grant names this tablet", "aucune autorisation ne désigne cette tablette"},
		bilingual{"enrol it, or fetch the authority's log first", "enrôlez-la, ou récupérez d’abord le journal de l’autorité"},
	},
	CodeRevoked: {
		0,
		bilingual{"the grant of this tablet has ended", "l’autorisation de cette tablette a pris fin"},
		bilingual{
			"what it sent was kept and set aside: ask the coordinator to release it",
			"ce qu’elle a envoyé est conservé et mis de côté\u00a0: demandez au coordinateur de le libérer",
		},
	},
	CodeUnknownLedger: {
		404,
		bilingual{"no such ledger", "ce registre n’existe pas"},
		bilingual{"ask the coordinator which diagnostics you are on", "demandez au coordinateur à quels diagnostics vous participez"},
	},
	CodeBadHead: {
		0,
		bilingual{"the signature of a log does not verify", "la signature d’un journal n’est pas valide"},
		bilingual{"send it again from its author's tablet", "renvoyez-le depuis la tablette de son auteur"},
	},
	CodeBrokenChain: {
		0,
		bilingual{"earlier lines of the log are missing or differ", "des lignes antérieures du journal manquent ou diffèrent"},
		bilingual{"send the log from line 1", "envoyez le journal depuis la ligne 1"},
	},
	CodeWrongLedger: {
		0,
		bilingual{"a line belongs to another ledger", "une ligne appartient à un autre registre"},
		bilingual{"send it under its own ledger", "envoyez-la sous son propre registre"},
	},
	CodeValuesMissing: {
		0,
		bilingual{"values were stripped without a ruling", "des valeurs ont été retirées sans décision"},
		bilingual{"send them again from a holder that has them", "renvoyez-les depuis un détenteur qui les possède"},
	},
	CodeForked: {
		0,
		bilingual{"the log of this tablet has a second branch", "le journal de cette tablette a une seconde branche"},
		bilingual{"take a successor and go on: nothing is lost", "prenez un successeur et continuez\u00a0: rien n’est perdu"},
	},
	CodeIneffective: {
		0,
		bilingual{"the change was kept but has no effect", "la modification est conservée mais sans effet"},
		bilingual{"read the detail, and ask the coordinator if in doubt", "lisez le détail et interrogez le coordinateur en cas de doute"},
	},
	CodeViolation: {
		0,
		bilingual{"the record breaks a rule of its checklist", "la fiche enfreint une règle de sa grille"},
		bilingual{"open the record and put it right", "ouvrez la fiche et corrigez-la"},
	},
	CodePending: {
		0,
		bilingual{"the change waits for something not known yet", "la modification attend un élément encore inconnu"},
		bilingual{"nothing to do: it takes effect once that arrives", "rien à faire\u00a0: elle prendra effet à son arrivée"},
	},
	CodeUntimed: {
		0,
		bilingual{"the clock of the tablet is not to be believed", "l’horloge de la tablette n’est pas fiable"},
		bilingual{"set the date and time of the tablet", "réglez la date et l’heure de la tablette"},
	},
	CodeBadCode: {
		403,
		bilingual{"the enrolment code is unknown, used or expired", "le code d’enrôlement est inconnu, déjà utilisé ou expiré"},
		bilingual{"ask the coordinator for a new one", "demandez-en un nouveau au coordinateur"},
	},
	CodeForbidden: {
		403,
		bilingual{"this role may not do that", "ce rôle ne permet pas cette action"},
		bilingual{"ask the coordinator to do it, or for the right to", "demandez au coordinateur de le faire ou de vous y autoriser"},
	},
	CodeNotFound: {
		404,
		bilingual{"no such thing", "élément introuvable"},
		bilingual{"check the address, or search again", "vérifiez l’adresse ou relancez la recherche"},
	},
	CodeStale: {
		409,
		bilingual{"what was shown has moved on", "ce qui était affiché a changé"},
		bilingual{"read it again and decide again", "relisez et décidez à nouveau"},
	},
	CodeInvalid: {
		422,
		bilingual{"a value is not acceptable", "une valeur n’est pas acceptable"},
		bilingual{"correct it as the detail says", "corrigez-la selon le détail"},
	},
	CodeBadPhoto: {
		422,
		bilingual{"the photo is damaged, or is not a photo", "la photo est endommagée, ou n’en est pas une"},
		bilingual{
			"what arrived was dropped: send it again from its original, or take it anew",
			"ce qui est arrivé a été effacé\u00a0: renvoyez-la depuis l’original, ou reprenez-la",
		},
	},
	CodeBarred: {
		410,
		bilingual{"the photo was erased by a decision", "la photo a été effacée par une décision"},
		bilingual{"drop your copy: it is not taken again", "effacez votre copie\u00a0: elle n’est plus acceptée"},
	},
	CodeDamaged: {
		422,
		bilingual{"the file is damaged", "le fichier est endommagé"},
		bilingual{"what was whole was taken: copy or export the file again", "ce qui était entier est pris\u00a0: copiez ou exportez le fichier à nouveau"},
	},
	CodeBusy: {
		503,
		bilingual{"the server is busy", "le serveur est occupé"},
		bilingual{"try again in a moment", "réessayez dans un instant"},
	},
	CodeFull: {
		507,
		bilingual{"the server's disk is full", "le disque du serveur est plein"},
		bilingual{
			"keep your data: nothing was lost, nothing was taken; tell the administrator",
			"gardez vos données\u00a0: rien n’est perdu, rien n’a été pris\u00a0; prévenez l’administrateur",
		},
	},
	CodeInternal: {
		500,
		bilingual{"a defect of the server", "défaut du serveur"},
		bilingual{"try again later; if it lasts, tell the administrator", "réessayez plus tard\u00a0; si cela persiste, prévenez l’administrateur"},
	},
}
