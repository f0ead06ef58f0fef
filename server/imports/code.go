package imports

import "github.com/arpenteur/arpenteur/schemas"

// Code says what is wrong with a row or a file, or remarked on it, as one of a closed set of words that scripts may rely on.
type Code string

// Codes of files as a whole.
const (
	CodeEmpty         Code = "empty"
	CodeEncoding      Code = "encoding" // also of a row
	CodeTooManyRows   Code = "too_many_rows"
	CodeColumnMissing Code = "column_missing"
	CodeColumnTwice   Code = "column_twice"
	CodeColumns       Code = "too_many_columns"
	CodeColumnUnread  Code = "column_unread" // a remark: the column is left out
	CodeJSON          Code = "json"
	CodeNotFeatures   Code = "not_a_feature_collection"
	CodeCRS           Code = "coordinate_system"
	CodeMapping       Code = "mapping"
	CodeMappingField  Code = "mapping_field"
	CodeMappingAnswer Code = "mapping_answer"
	CodeMappingNeeds  Code = "mapping_incomplete"
)

// Codes of rows of any kind.
const (
	CodeCells       Code = "cells"
	CodeQuotes      Code = "quotes"
	CodeRowTooLarge Code = "row_too_large"
	CodeCellTooLong Code = "cell_too_long"
	CodeControl     Code = "control_character"
	CodeMissing     Code = "missing"
	CodeDuplicate   Code = "duplicate"
	CodeUnknown     Code = "unknown_answer"
	CodeNumber      Code = "number"
	CodeBoolean     Code = "boolean"
	CodeTooLong     Code = "too_long"
	CodeCoordinates Code = "coordinates"
	CodeRule        Code = "rule"
	CodeEdited      Code = "edited_since"
	CodeDeleted     Code = "deleted_since"
	CodeFixed       Code = "fixed"
	CodeElsewhere   Code = "elsewhere"
)

// Codes of rows of one kind.
const (
	CodeOrphan        Code = "orphan"
	CodeCycle         Code = "cycle"
	CodeParentRefused Code = "parent_refused"

	CodeIdentifierLength Code = "identifier_length"
	CodeIdentifierDigits Code = "identifier_digits"
	CodeIdentifierNumber Code = "identifier_as_number"
	CodeIdentifierCheck  Code = "identifier_check"
	CodeSiretOfSiren     Code = "siret_of_siren"

	CodeDate        Code = "date"
	CodeImplausible Code = "implausible_date"
	CodeMark        Code = "mark"
	CodeRater       Code = "rater"
	CodeNoPosition  Code = "no_position"
	CodeYear        Code = "year"

	CodeFeature       Code = "feature"
	CodeFeatureLarge  Code = "feature_too_large"
	CodeGeometry      Code = "geometry"
	CodeRingOpen      Code = "ring_open"
	CodeRingShort     Code = "ring_short"
	CodeRingFlat      Code = "ring_flat"
	CodeHoleOutside   Code = "hole_outside"
	CodeTooDetailed   Code = "too_detailed"
	CodeDegrees       Code = "not_degrees"
	CodeSwapped       Code = "coordinates_swapped"
	CodeOutside       Code = "outside"
	CodeSameOutline   Code = "same_outline"
	CodeNeighbourhood Code = "neighbourhood_code"
	CodeCommune       Code = "commune"
	CodeCommuneNotSet Code = "no_commune"
)

// text returns the words of a code. {with} stands for Remark.With.
func (c Code) text() schemas.Text {
	for _, e := range texts() {
		if e.code == c {
			return e.text
		}
	}
	return schemas.Text{FR: string(c), EN: string(c)}
}

type codeText struct {
	code Code
	text schemas.Text
}

// texts is the one table of what is said for a code: what is wrong, then what to do.
func texts() []codeText { return append(append(fileTexts(), rowTexts()...), kindTexts()...) }

func fileTexts() []codeText {
	return []codeText{
		{CodeEmpty, schemas.Text{
			FR: "le fichier est vide\u00a0: il faut une ligne d’en-têtes, puis des lignes",
			EN: "the file is empty: it needs a row of headings, then rows",
		}},
		{CodeEncoding, schemas.Text{
			FR: "le texte n’est pas lisible\u00a0: enregistrez le fichier en UTF-8",
			EN: "the text can't be read: save the file as UTF-8",
		}},
		{CodeTooManyRows, schemas.Text{
			FR: "plus de {with} lignes\u00a0: la suite n’est pas lue, coupez le fichier",
			EN: "more than {with} rows: the rest is not read, split the file",
		}},
		{CodeColumnMissing, schemas.Text{
			FR: "une colonne manque\u00a0: {with}",
			EN: "a column is missing: {with}",
		}},
		{CodeColumnTwice, schemas.Text{
			FR: "la colonne est là deux fois\u00a0: renommez l’une",
			EN: "the column is there twice: rename one",
		}},
		{CodeColumns, schemas.Text{
			FR: "plus de {with} colonnes",
			EN: "more than {with} columns",
		}},
		{CodeColumnUnread, schemas.Text{
			FR: "la colonne n’est pas reprise",
			EN: "the column is left out",
		}},
		{CodeJSON, schemas.Text{
			FR: "le JSON est rompu ici\u00a0: rien de ce qui suit n’est lu",
			EN: "the JSON is broken here: nothing behind it is read",
		}},
		{CodeNotFeatures, schemas.Text{
			FR: "le fichier n’est pas une FeatureCollection GeoJSON",
			EN: "the file is not a GeoJSON FeatureCollection",
		}},
		{CodeCRS, schemas.Text{
			FR: "les coordonnées sont en {with}\u00a0: convertissez-les en WGS 84 (EPSG:4326)",
			EN: "the coordinates are in {with}: convert them to WGS 84 (EPSG:4326)",
		}},
		{CodeMapping, schemas.Text{
			FR: "la correspondance n’est pas lisible ici\u00a0: {with}",
			EN: "the mapping can't be read here: {with}",
		}},
		{CodeMappingField, schemas.Text{
			FR: "aucune grille en vigueur n’a ce point\u00a0: {with}",
			EN: "no checklist in force has this item: {with}",
		}},
		{CodeMappingAnswer, schemas.Text{
			FR: "ce n’est pas une réponse de l’échelle\u00a0: {with}",
			EN: "this is no answer of the scale: {with}",
		}},
		{CodeMappingNeeds, schemas.Text{
			FR: "il manque à la correspondance\u00a0: {with}",
			EN: "the mapping lacks: {with}",
		}},
	}
}

func rowTexts() []codeText {
	return []codeText{
		{CodeCells, schemas.Text{
			FR: "la ligne n’a pas autant de cases que d’en-têtes ({with})",
			EN: "the row has not as many cells as there are headings ({with})",
		}},
		{CodeQuotes, schemas.Text{
			FR: "des guillemets ne sont pas fermés, ou du texte suit leur fermeture",
			EN: "quotes are not closed, or text follows where they close",
		}},
		{CodeRowTooLarge, schemas.Text{
			FR: "la ligne dépasse {with} octets",
			EN: "the row is over {with} bytes",
		}},
		{CodeCellTooLong, schemas.Text{
			FR: "la case dépasse {with} octets",
			EN: "the cell is over {with} bytes",
		}},
		{CodeControl, schemas.Text{
			FR: "la case contient un caractère de commande",
			EN: "the cell holds a control character",
		}},
		{CodeMissing, schemas.Text{
			FR: "la case est vide et doit être remplie",
			EN: "the cell is empty and must not be",
		}},
		{CodeDuplicate, schemas.Text{
			FR: "déjà donné à la ligne {with}\u00a0: gardez l’une des deux",
			EN: "given already on line {with}: keep one of the two",
		}},
		{CodeUnknown, schemas.Text{
			FR: "valeur inconnue\u00a0; possibles\u00a0: {with}",
			EN: "unknown value; possible ones: {with}",
		}},
		{CodeNumber, schemas.Text{
			FR: "ce n’est pas un nombre de {with}",
			EN: "this is no number from {with}",
		}},
		{CodeBoolean, schemas.Text{
			FR: "ni oui ni non",
			EN: "neither yes nor no",
		}},
		{CodeTooLong, schemas.Text{
			FR: "plus de {with} caractères",
			EN: "more than {with} characters",
		}},
		{CodeCoordinates, schemas.Text{
			FR: "ce ne sont pas une latitude et une longitude en degrés",
			EN: "these are no latitude and longitude in degrees",
		}},
		{CodeRule, schemas.Text{
			FR: "la fiche enfreindrait une règle",
			EN: "the record would break a rule",
		}},
		{CodeEdited, schemas.Text{
			FR: "modifié depuis le dernier import\u00a0: laissé tel quel ({with})",
			EN: "edited since the last import: left alone ({with})",
		}},
		{CodeDeleted, schemas.Text{
			FR: "supprimé depuis le dernier import\u00a0: laissé tel quel",
			EN: "deleted since the last import: left alone",
		}},
		{CodeFixed, schemas.Text{
			FR: "fixé à la création de la fiche, et différent ici ({with})",
			EN: "set when the record was made, and different here ({with})",
		}},
		{CodeElsewhere, schemas.Text{
			FR: "déjà là sous une autre fiche\u00a0: {with}",
			EN: "there already as another record: {with}",
		}},
	}
}

func kindTexts() []codeText {
	return append(append(treeTexts(), inspectionTexts()...), outlineTexts()...)
}

func treeTexts() []codeText {
	return []codeText{
		{CodeOrphan, schemas.Text{
			FR: "le lieu qui l’entoure n’est ni dans le fichier ni dans le diagnostic",
			EN: "the place around it is neither in the file nor in the diagnostic",
		}},
		{CodeCycle, schemas.Text{
			FR: "le lieu serait à l’intérieur de lui-même",
			EN: "the place would lie within itself",
		}},
		{CodeParentRefused, schemas.Text{
			FR: "le lieu qui l’entoure n’est pas pris",
			EN: "the place around it is not taken",
		}},
		{CodeIdentifierLength, schemas.Text{
			FR: "il faut {with} chiffres\u00a0; un tableur ôte les zéros de tête d’une colonne de nombres",
			EN: "{with} digits are needed; a spreadsheet takes the leading zeros off a column of numbers",
		}},
		{CodeIdentifierDigits, schemas.Text{
			FR: "il ne faut que des chiffres, {with}",
			EN: "only digits are allowed, {with} of them",
		}},
		{CodeIdentifierNumber, schemas.Text{
			FR: "le tableur en a fait un nombre arrondi\u00a0: mettez la colonne au format texte",
			EN: "the spreadsheet made it a rounded number: format the column as text",
		}},
		{CodeIdentifierCheck, schemas.Text{
			FR: "la clé de contrôle est fausse\u00a0: vérifiez les chiffres",
			EN: "the check digit is wrong: check the digits",
		}},
		{CodeSiretOfSiren, schemas.Text{
			FR: "le SIRET ne commence pas par le SIREN {with}",
			EN: "the SIRET does not begin with the SIREN {with}",
		}},
	}
}

func inspectionTexts() []codeText {
	return []codeText{
		{CodeDate, schemas.Text{
			FR: "ce n’est pas une date (2026-11-23 ou 23/11/2026)",
			EN: "this is no date (2026-11-23 or 23/11/2026)",
		}},
		{CodeImplausible, schemas.Text{
			FR: "date invraisemblable\u00a0: attendue entre {with}",
			EN: "implausible date: expected from {with}",
		}},
		{CodeMark, schemas.Text{
			FR: "la correspondance ne dit rien de cette note",
			EN: "the mapping says nothing of this mark",
		}},
		{CodeRater, schemas.Text{
			FR: "ce n’est pas un compte\u00a0: 1 à 40 de a-z, 0-9 et tiret, jamais un nom de personne",
			EN: "this is no account: 1 to 40 of a-z, 0-9 and hyphen, never a person's name",
		}},
		{CodeNoPosition, schemas.Text{
			FR: "sans coordonnées\u00a0: le relevé est pris sans position",
			EN: "without coordinates: the observation is taken without a position",
		}},
		{CodeYear, schemas.Text{
			FR: "année impossible\u00a0: après l’inspection, ou avant {with}\u00a0; la ligne est prise",
			EN: "impossible year: after the inspection, or before {with}; the row is taken",
		}},
	}
}

func outlineTexts() []codeText {
	return []codeText{
		{CodeFeature, schemas.Text{
			FR: "ce n’est pas un objet GeoJSON «\u00a0Feature\u00a0»",
			EN: "this is no GeoJSON Feature",
		}},
		{CodeFeatureLarge, schemas.Text{
			FR: "l’objet dépasse {with} octets\u00a0: rien de ce qui suit n’est lu",
			EN: "the feature is over {with} bytes: nothing behind it is read",
		}},
		{CodeGeometry, schemas.Text{
			FR: "la géométrie doit être un Polygon ou un MultiPolygon",
			EN: "the geometry must be a Polygon or a MultiPolygon",
		}},
		{CodeRingOpen, schemas.Text{
			FR: "un contour n’est pas fermé\u00a0: son dernier point doit être le premier",
			EN: "a ring is not closed: its last point must be its first",
		}},
		{CodeRingShort, schemas.Text{
			FR: "un contour a moins de quatre points",
			EN: "a ring has fewer than four points",
		}},
		{CodeRingFlat, schemas.Text{
			FR: "un contour n’entoure aucune surface",
			EN: "a ring surrounds no area",
		}},
		{CodeHoleOutside, schemas.Text{
			FR: "un trou dépasse le contour qui l’entoure",
			EN: "a hole reaches beyond the ring around it",
		}},
		{CodeTooDetailed, schemas.Text{
			FR: "le contour est trop détaillé\u00a0: simplifiez-le ({with})",
			EN: "the outline is too detailed: simplify it ({with})",
		}},
		{CodeDegrees, schemas.Text{
			FR: "les coordonnées ne sont pas des degrés\u00a0: convertissez-les en WGS 84 (EPSG:4326)",
			EN: "the coordinates are no degrees: convert them to WGS 84 (EPSG:4326)",
		}},
		{CodeSwapped, schemas.Text{
			FR: "latitude et longitude sont inversées\u00a0: GeoJSON met la longitude d’abord",
			EN: "latitude and longitude are swapped: GeoJSON puts longitude first",
		}},
		{CodeOutside, schemas.Text{
			FR: "le contour n’est dans aucun territoire français",
			EN: "the outline lies in no French territory",
		}},
		{CodeSameOutline, schemas.Text{
			FR: "même contour qu’à la ligne {with}",
			EN: "the same outline as on line {with}",
		}},
		{CodeNeighbourhood, schemas.Text{
			FR: "ce n’est pas un code de quartier\u00a0: QP et 6 chiffres, QN et 6 signes, ou 7 chiffres pour une ZUS",
			EN: "this is no code of a neighbourhood: QP and 6 digits, QN and 6 signs, or 7 digits for a ZUS",
		}},
		{CodeCommune, schemas.Text{
			FR: "ce n’est pas un code INSEE de commune\u00a0: 5 signes, 66136, 2A004, 97105",
			EN: "this is no INSEE code of a commune: 5 signs, 66136, 2A004, 97105",
		}},
		{CodeCommuneNotSet, schemas.Text{
			FR: "le code INSEE de la commune manque",
			EN: "the INSEE code of the commune is missing",
		}},
	}
}
