package connector

import (
	"fmt"
	"net/url"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"
)

// maxSetting bounds one setting, in bytes.
const maxSetting = 4096

// Settings checks what was configured against the fields of a kind, and returns it without white space around it and with the
// defaults. The error names the field, never its value.
func Settings(fields []Field, given map[string]string) (map[string]string, error) {
	for name := range given {
		if !slices.ContainsFunc(fields, func(f Field) bool { return f.Name == name }) {
			return nil, fmt.Errorf("there is no setting of the name %.64q", name)
		}
	}
	settings := make(map[string]string, len(fields))
	for _, f := range fields {
		value := strings.TrimSpace(given[f.Name])
		if value == "" {
			value = f.Default
		}
		switch {
		case value == "" && f.Required:
			return nil, fmt.Errorf("%s is required", f.Name)
		case len(value) > maxSetting:
			return nil, fmt.Errorf("%s is longer than %d bytes", f.Name, maxSetting)
		case !utf8.ValidString(value) || strings.ContainsFunc(value, unicode.IsControl):
			return nil, fmt.Errorf("%s holds characters that cannot be sent", f.Name)
		case len(f.Choices) > 0 && value != "" && !slices.Contains(f.Choices, value):
			return nil, fmt.Errorf("%s is one of: %s", f.Name, strings.Join(f.Choices, ", "))
		}
		settings[f.Name] = value
	}
	return settings, nil
}

// Base checks the setting of a field that holds the address of an API, and returns it without a slash at its end.
func Base(settings map[string]string, field string) (string, error) {
	u, err := url.Parse(settings[field])
	if err != nil || u.Scheme != "https" && u.Scheme != "http" || u.Hostname() == "" {
		return "", fmt.Errorf("%s is not the address of an API: https or http, a host, a path", field)
	}
	if u.User != nil || u.RawQuery != "" || u.Fragment != "" {
		return "", fmt.Errorf("%s is an address without user, query and fragment", field)
	}
	return strings.TrimRight(u.String(), "/"), nil
}

// Token checks a setting that is sent as it is in a header or a path: printable ASCII without spaces.
func Token(settings map[string]string, fields ...string) error {
	for _, field := range fields {
		for _, c := range []byte(settings[field]) {
			if c <= ' ' || c > '~' {
				return fmt.Errorf("%s holds characters that cannot be sent", field)
			}
		}
	}
	return nil
}

// Digits checks settings that are numbers as a carrier gives them out: 1 to 32 digits.
func Digits(settings map[string]string, fields ...string) error {
	for _, field := range fields {
		if v := settings[field]; v == "" || len(v) > 32 || strings.Trim(v, "0123456789") != "" {
			return fmt.Errorf("%s is a number", field)
		}
	}
	return nil
}
