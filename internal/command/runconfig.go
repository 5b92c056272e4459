package command

import (
	"fmt"
	"net"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/ragpipeline/ragpipeline/api/v1alpha1"
	"github.com/ragpipeline/ragpipeline/internal/config"
	"github.com/ragpipeline/ragpipeline/internal/derive"
	"github.com/ragpipeline/ragpipeline/internal/gateway"
	"github.com/ragpipeline/ragpipeline/internal/keys"
)

// configs are the data plane's configs of a pipeline on this machine.
type configs struct {
	ingest  config.Ingest
	gateway config.Gateway
}

func (f *runFlags) configs(p *v1alpha1.RAGPipeline, standInURL string) (c configs, err error) {
	data := f.data
	if data == "" {
		data = filepath.Join(".ragpipeline", p.Name)
	}
	machine := derive.DataPlane{
		StandInURL: standInURL,
		Index:      config.Index{Local: &config.LocalIndex{Directory: data}},
	}
	if c.ingest, err = derive.Ingest(p, machine); err != nil {
		return c, err
	}
	if c.ingest.Sources, err = placeDocuments(p.Spec.Documents, c.ingest.Sources, f.documents); err != nil {
		return c, err
	}
	if c.gateway, err = derive.Gateway(p, machine); err == nil {
		err = f.checkReach(c.gateway)
	}
	return c, err
}

// placeDocuments applies the --documents flags, each [SOURCE=]DIR, to the manifest's sources.
func placeDocuments(
	declared []v1alpha1.Source, sources []config.Source, flags []string,
) ([]config.Source, error) {
	for _, flag := range flags {
		name, dir, err := parseDocuments(flag)
		if err == nil {
			sources, err = derive.PlaceDirectory(sources, name, dir)
		}
		if err != nil {
			return nil, fmt.Errorf("--documents %s: %w", flag, err)
		}
	}
	return sources, derive.CheckPlaced(declared, sources)
}

// parseDocuments splits [SOURCE=]DIR and makes DIR absolute. A directory whose own name has a "="
// needs no SOURCE.
func parseDocuments(flag string) (name, dir string, err error) {
	name, dir, ok := strings.Cut(flag, "=")
	if !ok || isDirectory(flag) {
		name, dir = "", flag
	}
	if !isDirectory(dir) {
		return "", "", fmt.Errorf("%s is not a directory", dir)
	}
	dir, err = filepath.Abs(dir)
	return name, dir, err
}

func isDirectory(path string) bool {
	info, err := os.Stat(path)
	return err == nil && info.IsDir()
}

// checkKeys returns an error for a missing key before any work is done.
func checkKeys(ring keys.Ring, c configs) error {
	check := func(field string, ref *config.SecretKey) error {
		if key := ring(ref); key != nil {
			if _, err := key(); err != nil {
				return fmt.Errorf("spec.%s.endpoint.secretRef: %w", field, err)
			}
		}
		return nil
	}
	m := c.gateway.Models
	err := check("models.embedding", m.Embedding.Key)
	if err == nil && m.Reranking != nil {
		err = check("models.reranking", m.Reranking.Key)
	}
	if err == nil && m.LLM != nil {
		err = check("models.llm", m.LLM.Key)
	}
	if e := c.ingest.Extraction; err == nil && e != nil {
		err = check("extraction.server", e.Server.Key)
	}
	return err
}

// checkReach refuses a gateway that other machines could reach and that admits everybody.
func (f *runFlags) checkReach(c config.Gateway) error {
	host, _, _ := net.SplitHostPort(f.listen) // validateListen has read it
	if f.asking || f.keys != "" || c.OIDC != nil || isLoopback(host) {
		return nil
	}
	return fmt.Errorf("--listen %s can be reached from other machines: add --keys FILE "+
		"(a line name=token for each client), or listen on 127.0.0.1", f.listen)
}

func isLoopback(host string) bool {
	ip := net.ParseIP(host)
	return host == "localhost" || ip != nil && ip.IsLoopback()
}

// admit decides who may call the gateway: the clients of --keys, or else those whom the manifest's issuer vouches for,
// or else everybody on this machine.
func (f *runFlags) admit(o *gateway.Options) {
	o.LoopbackOnly, o.Hosts = false, f.hosts
	switch issuer := o.Config.OIDC; {
	case f.keys != "":
		o.Keys = keys.ClientsFile(f.keys)
		if issuer != nil {
			fmt.Fprintf(f.stderr, "note: --keys replaces the issuer %s of spec.gateway.auth.oidc\n", issuer.Issuer)
		}
	case issuer != nil:
		admitTokens(o, *issuer)
		fmt.Fprintf(f.stderr, "note: requests need a token of %s, as spec.gateway.auth.oidc asks; "+
			"--keys FILE takes keys instead\n", issuer.Issuer)
	default:
		o.LoopbackOnly = true
		if slices.Contains(o.Config.Origins, "*") {
			fmt.Fprintln(f.stderr, `note: without --keys, "*" in spec.gateway.cors.origins admits no page; name the origins`)
		}
	}
}
