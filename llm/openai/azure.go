package openai

import (
	"fmt"
	"net/url"
	"strings"

	"github.com/tinytroupe-go/tinytroupe/llm/internal/wire"
)

// NewAzure returns the endpoint of an Azure OpenAI resource at an address such as
// https://NAME.openai.azure.com; what Azure's portal shows, with /openai and more
// behind it, is taken too. Its models are named by deployment, azure/DEPLOYMENT.
//
// With an apiVersion, such as 2024-10-21, or one in the address, the deployment is
// part of the path; without, the address is /openai/v1, which needs none. The key
// goes into the header api-key. Tokens of Entra ID are not obtained here: who has one
// sets it as Authorization in o.Header and leaves the key empty. BaseURL, KeyHeader
// and Provider of o are not read.
func NewAzure(resource, apiVersion string, o *Options) (*Endpoint, error) {
	u, err := wire.ParseBase(resource)
	if err != nil {
		return nil, fmt.Errorf("openai: Azure's endpoint %w, such as https://NAME.openai.azure.com", err)
	}
	if i := strings.LastIndex(u.Path+"/", "/openai/"); i >= 0 {
		u.Path = u.Path[:i]
	}
	if apiVersion = strings.TrimSpace(apiVersion); apiVersion == "" {
		apiVersion = u.Query().Get("api-version")
	}
	u.RawQuery = ""
	u = u.JoinPath("openai")
	if apiVersion == "" {
		u = u.JoinPath("v1")
	} else {
		u.RawQuery = url.Values{"api-version": {apiVersion}}.Encode()
	}
	opts := Options{}
	if o != nil {
		opts = *o
	}
	opts.BaseURL, opts.KeyHeader, opts.Provider = u.String(), "api-key", "azure"
	e, err := NewEndpoint(&opts)
	if err != nil {
		return nil, err
	}
	e.deployments = apiVersion != ""
	return e, nil
}
