// Package taskrouter serves the TaskRouter API, version v1, on the engine of package rest: one file per resource, and in
// product.go the list of them. The product itself is package internal/taskrouter; here are only its wire forms.
package taskrouter
