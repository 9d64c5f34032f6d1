// Command oras-client does with a registry what `oras push`, `attach`, `discover` and `pull` do,
// with the library that the oras program is made of (oras.land/oras-go/v2). The program itself is
// not to be had from the Go module proxy of every machine that runs these tests.
//
//	oras-client push     REFERENCE TYPE FILE   prints the artifact's digest
//	oras-client attach   REFERENCE TYPE FILE   the same, with REFERENCE as the subject
//	oras-client discover REFERENCE [TYPE]      prints the referrers, as a JSON list of descriptors
//	oras-client pull     REFERENCE FOLDER      prints the artifact's digest
//
// The registry is spoken to as the user ORAS_USERNAME with ORAS_PASSWORD, without TLS unless ORAS_TLS
// is set.
package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"

	v1 "github.com/opencontainers/image-spec/specs-go/v1"
	"oras.land/oras-go/v2"
	"oras.land/oras-go/v2/content/file"
	"oras.land/oras-go/v2/registry/remote"
	"oras.land/oras-go/v2/registry/remote/auth"
	"oras.land/oras-go/v2/registry/remote/retry"
)

func main() {
	if err := run(context.Background(), os.Args[1:]); err != nil {
		fmt.Fprintln(os.Stderr, "oras-client:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, arguments []string) error {
	if len(arguments) < 2 {
		return errors.New("usage: oras-client push|attach|discover|pull REFERENCE ...")
	}
	command, rest := arguments[0], arguments[2:]
	repository, err := open(arguments[1])
	if err != nil {
		return err
	}
	switch {
	case command == "push" && len(rest) == 2:
		return push(ctx, repository, rest[0], rest[1], nil)
	case command == "attach" && len(rest) == 2:
		subject, err := repository.Resolve(ctx, repository.Reference.Reference)
		if err != nil {
			return err
		}
		return push(ctx, repository, rest[0], rest[1], &subject)
	case command == "discover" && len(rest) <= 1:
		return discover(ctx, repository, append(rest, "")[0])
	case command == "pull" && len(rest) == 1:
		return pull(ctx, repository, rest[0])
	}
	return fmt.Errorf("wrong arguments for %q", command)
}

func open(reference string) (*remote.Repository, error) {
	repository, err := remote.NewRepository(reference)
	if err != nil {
		return nil, err
	}
	repository.PlainHTTP = os.Getenv("ORAS_TLS") == ""
	repository.Client = &auth.Client{
		Client: retry.DefaultClient,
		Cache:  auth.NewCache(),
		Credential: auth.StaticCredential(repository.Reference.Registry, auth.Credential{
			Username: os.Getenv("ORAS_USERNAME"),
			Password: os.Getenv("ORAS_PASSWORD"),
		}),
	}
	// The registry must have the referrers API: no falling back to tags.
	return repository, repository.SetReferrersCapability(true)
}

func push(
	ctx context.Context, repository *remote.Repository, kind, path string, subject *v1.Descriptor,
) error {
	store, err := file.New(filepath.Dir(path))
	if err != nil {
		return err
	}
	defer store.Close()
	layer, err := store.Add(ctx, filepath.Base(path), "application/octet-stream", "")
	if err != nil {
		return err
	}
	options := oras.PackManifestOptions{Subject: subject, Layers: []v1.Descriptor{layer}}
	manifest, err := oras.PackManifest(ctx, store, oras.PackManifestVersion1_1, kind, options)
	if err != nil {
		return err
	}
	tag := manifest.Digest.String()
	if subject == nil {
		tag = repository.Reference.Reference
	}
	if err := store.Tag(ctx, manifest, tag); err != nil {
		return err
	}
	if _, err := oras.Copy(ctx, store, tag, repository, tag, oras.DefaultCopyOptions); err != nil {
		return err
	}
	fmt.Println(manifest.Digest)
	return nil
}

func discover(ctx context.Context, repository *remote.Repository, kind string) error {
	subject, err := repository.Resolve(ctx, repository.Reference.Reference)
	if err != nil {
		return err
	}
	found := []v1.Descriptor{}
	collect := func(page []v1.Descriptor) error {
		found = append(found, page...)
		return nil
	}
	if err := repository.Referrers(ctx, subject, kind, collect); err != nil {
		return err
	}
	return json.NewEncoder(os.Stdout).Encode(found)
}

func pull(ctx context.Context, repository *remote.Repository, folder string) error {
	store, err := file.New(folder)
	if err != nil {
		return err
	}
	defer store.Close()
	reference := repository.Reference.Reference
	manifest, err := oras.Copy(ctx, repository, reference, store, "", oras.DefaultCopyOptions)
	if err != nil {
		return err
	}
	fmt.Println(manifest.Digest)
	return nil
}
