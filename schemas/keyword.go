package schemas

// keywordLabel returns what it means that a value breaks a JSON Schema keyword, or one of the rules that the engine itself adds.
// The text holds nothing of the value, so that logs and lists do not repeat what a person wrote.
func keywordLabel(code string) (Text, bool) {
	switch code {
	case "type":
		return Text{"la valeur n'est pas du type attendu", "the value is not of the expected type"}, true
	case "enum", "const":
		return Text{"la réponse n'est pas dans la liste", "the answer is not in the list"}, true
	case "format":
		return Text{"la valeur n'a pas la forme attendue", "the value is not in the expected form"}, true
	case "pattern":
		return Text{"le texte n'a pas la forme attendue", "the text is not in the expected form"}, true
	case "minimum":
		return Text{"le nombre est trop petit", "the number is too small"}, true
	case "maximum":
		return Text{"le nombre est trop grand", "the number is too large"}, true
	case "minLength":
		return Text{"le texte est trop court", "the text is too short"}, true
	case "maxLength":
		return Text{"le texte est trop long", "the text is too long"}, true
	case "minItems":
		return Text{"la liste a trop peu de lignes", "the list has too few entries"}, true
	case "maxItems":
		return Text{"la liste a trop de lignes", "the list has too many entries"}, true
	case "uniqueItems":
		return Text{"la liste a deux fois la même ligne", "the list has an entry twice"}, true
	case "required", "dependentRequired":
		return Text{"cette information manque", "this information is missing"}, true
	case "additionalProperties":
		return Text{"la grille ne connaît pas ce champ", "the checklist does not know this field"}, true
	case "propertyNames":
		return Text{"ce nom n'est pas permis", "this name is not allowed"}, true
	case "minProperties", "maxProperties":
		return Text{"le nombre de champs n'est pas permis", "the number of fields is not allowed"}, true
	case "mixed_checklists":
		return Text{"la fiche a été remplie avec deux grilles différentes", "the record was filled in with two different checklists"}, true
	case "unreadable":
		return Text{"la fiche n'a pas pu être relue", "the record could not be read back"}, true
	}
	return Text{}, false
}
