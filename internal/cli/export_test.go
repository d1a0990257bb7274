package cli

// PlacesOf reads arguments as those of diff, and returns the keys and the ids.
func PlacesOf(args []string) (names []string, err error) {
	places, err := parsePlaces(args)
	for _, at := range places {
		key := ""
		if !at.key.IsZero() {
			key = at.key.String()
		}
		names = append(names, key+"|"+at.id(0))
	}
	return names, err
}
