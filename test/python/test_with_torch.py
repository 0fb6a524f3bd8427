"""Against PyTorch and the compressed-tensors package themselves; skipped where they are absent.

tools/dev/setup --torch installs them.
"""

import importlib.util
import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from conftest import write_tiny
from oracle import forward
from packed_writers import SIZES

from quant_fptq import FptqError, Profile, QuantizeOptions, Session, load_checkpoint
from quant_fptq.importer import export, safetensors
from quant_fptq.model import Model
from quant_fptq.quantize import quantized_checkpoint

torch = pytest.importorskip("torch", reason="PyTorch is not installed")


@pytest.fixture(scope="module")
def session():
    with Session() as session:
        yield session


def numpy_of(tensor):
    """bfloat16 as float32, which holds it exactly."""
    return (tensor.float() if tensor.dtype == torch.bfloat16 else tensor).numpy()


class TestCompressedTensors:
    """Files made by the package's own compressor, read by us; ours read by the package."""

    @pytest.fixture(autouse=True)
    def package(self):
        pytest.importorskip("compressed_tensors", reason="compressed-tensors is not installed")

    @staticmethod
    def scheme(symmetric, strategy, bits=4):
        from compressed_tensors.quantization import QuantizationArgs, QuantizationScheme

        weights = QuantizationArgs(num_bits=bits, symmetric=symmetric, strategy=strategy,
                                   group_size=32 if strategy == "group" else None)
        return QuantizationScheme(targets=["Linear"], weights=weights)

    def compress(self, weight, scheme):
        """What the package stores, and the floats that it reads back."""
        from compressed_tensors.compressors.pack_quantized.base import PackedQuantizationCompressor
        from compressed_tensors.quantization.utils import calculate_qparams

        groups = weight.reshape(weight.shape[0], -1, scheme.weights.group_size or weight.shape[1])
        scale, zero = calculate_qparams(groups.amin(-1), groups.amax(-1), scheme.weights)
        state = {"weight": weight, "weight_scale": scale.to(weight.dtype), "weight_zero_point": zero.to(torch.int8)}
        stored = PackedQuantizationCompressor.compress(state, scheme)
        return stored, PackedQuantizationCompressor.decompress(dict(stored), scheme)["weight"]

    @pytest.mark.parametrize("dtype", ["float32", "float16", "bfloat16"])
    @pytest.mark.parametrize("symmetric, strategy, bits", [
        (True, "group", 4), (False, "group", 4), (True, "channel", 4), (True, "group", 8)])
    def test_its_files(self, tmp_path, dtype, symmetric, strategy, bits):
        scheme = self.scheme(symmetric, strategy, bits)
        plain = load_checkpoint(write_tiny(tmp_path / "plain", **SIZES))
        tensors, expected = {}, {}
        for name in plain.tensors:
            weight = torch.from_numpy(plain.float32(name).copy()).to(getattr(torch, dtype))
            if not name.endswith("_proj.weight"):
                tensors[name] = plain.float32(name)
                continue
            stored, expected[name] = self.compress(weight, scheme)
            for key, value in stored.items():
                array = numpy_of(value)
                if value.dtype == torch.bfloat16:
                    array = array.astype(safetensors.DTYPES["BF16"])
                tensors[f"{name.removesuffix('weight')}{key}"] = array
        folder = tmp_path / "m"
        folder.mkdir()
        group = json.loads(scheme.model_dump_json())
        (folder / "config.json").write_text(json.dumps({**SIZES, "quantization_config": {
            "quant_method": "compressed-tensors", "format": "pack-quantized", "config_groups": {"group_0": group}}}))
        safetensors.write(folder / "model.safetensors", tensors)
        checkpoint = load_checkpoint(folder)
        assert len(expected) == 14
        for name, weight in expected.items():
            ours = torch.from_numpy(checkpoint.float32(name)).to(weight.dtype)  # the package rounds to its scales' type
            assert checkpoint.tensors[name].stored and torch.equal(ours, weight)

    @pytest.mark.parametrize("symmetric", [True, False])
    def test_our_export(self, session, tmp_path, symmetric):
        from compressed_tensors.compressors.pack_quantized.base import PackedQuantizationCompressor
        from compressed_tensors.quantization import QuantizationConfig

        checkpoint = load_checkpoint(write_tiny(tmp_path / "plain", **SIZES))
        recipe = tmp_path / "recipe.json"
        recipe.write_text(json.dumps({"version": 1, "rules": [{"match": "_proj$", "symmetric": symmetric}]}))
        plan = QuantizeOptions(group_size=32, recipe=recipe)
        result = quantized_checkpoint(session, checkpoint, plan)
        export.compressed_tensors(result, tmp_path / "out")
        raw = json.loads((tmp_path / "out" / "config.json").read_text())["quantization_config"]
        config = QuantizationConfig.model_validate({k: v for k, v in raw.items() if k != "quant_method"})
        (scheme,) = config.config_groups.values()
        assert scheme.input_activations.dynamic and scheme.input_activations.num_bits == 8
        tensors = safetensors.open_mapped(tmp_path / "out" / "model.safetensors")
        for name in result.tensors:
            if not result.tensors[name].stored:
                continue
            layer = name.removesuffix("weight")
            state = {key[len(layer):]: torch.from_numpy(np.array(value)) for key, value in tensors.items()
                     if key.startswith(layer)}
            theirs = PackedQuantizationCompressor.decompress(state, scheme)["weight"]
            np.testing.assert_array_equal(theirs.float().numpy(), result.float32(name))


@pytest.mark.parametrize("changes", [
    {}, {"model_type": "gemma2", "head_dim": 16, "hidden_act": None},
    {"model_type": "phi3", "partial_rotary_factor": 0.5, "pad_token_id": 0}], ids=["llama", "gemma2", "phi3"])
def test_our_export_in_transformers(session, tmp_path, changes):
    """Loaded by the library that people run; its float logits of the dequantized weights. Gemma's gammas less 1, and
    Phi-3's weights put together, are what it expects."""
    transformers = pytest.importorskip("transformers", reason="transformers is not installed")
    pytest.importorskip("compressed_tensors", reason="compressed-tensors is not installed")
    checkpoint = load_checkpoint(write_tiny(tmp_path / "plain", **{**SIZES, **changes}))
    result = quantized_checkpoint(session, checkpoint, QuantizeOptions(group_size=32))
    export.compressed_tensors(result, tmp_path / "out")
    model = transformers.AutoModelForCausalLM.from_pretrained(tmp_path / "out", dtype=torch.float32)
    tokens = np.random.default_rng(1).integers(3, 40, 9)
    with torch.no_grad():
        theirs = model(torch.from_numpy(tokens)[None]).logits[0].numpy()
    ours = forward(result, tokens, w4a8=True)
    np.testing.assert_allclose(theirs, ours, atol=4e-2 * np.abs(ours).max())


YARN = {"rope_type": "yarn", "rope_theta": 100.0, "factor": 4.0, "original_max_position_embeddings": 16}
PARTIAL = {"rope_theta": 10000.0, "partial_rotary_factor": 0.75}
FACTORS = {"short_factor": [1.0, 1.1, 1.2, 1.3, 1.5, 2.0], "long_factor": [1.0, 2.0, 3.0, 4.0, 5.0, 6.0]}
#: Class, changes to its config, context.
FOLDERS = [
    ("Llama", {"attention_bias": True, "mlp_bias": True}, None),
    ("Mistral", {"head_dim": 16, "sliding_window": 24}, None),
    ("Qwen2", {"tie_word_embeddings": True, "rope_parameters": YARN}, None),
    ("Qwen3", {"head_dim": 16, "attention_bias": True, "rope_parameters": {
        **YARN, "mscale": 0.7, "mscale_all_dim": 0.5, "truncate": False, "beta_fast": 4, "beta_slow": 0.5}}, None),
    ("Phi3", {"rope_parameters": {"rope_type": "default", **PARTIAL}}, None),
    ("Phi3", {"rope_parameters": {"rope_type": "longrope", **PARTIAL, **FACTORS},
              "original_max_position_embeddings": 20}, 20),
    ("Gemma", {"head_dim": 24}, None),
    ("Gemma2", {"head_dim": 24, "query_pre_attn_scalar": 20, "attn_logit_softcapping": 2.0,
                "final_logit_softcapping": 1.5, "sliding_window": 24}, None),
    ("Gemma3", {"head_dim": 24, "query_pre_attn_scalar": 20, "final_logit_softcapping": 3.0, "sliding_window": 24,
                "layer_types": ["sliding_attention", "full_attention"], "rope_parameters": {
                    "full_attention": {"rope_type": "linear", "factor": 8.0, "rope_theta": 1e6},
                    "sliding_attention": {"rope_type": "default", "rope_theta": 1e4}}}, None),
    ("Olmo2", {}, None),
    ("Granite", {"embedding_multiplier": 12.0, "attention_multiplier": 0.3, "residual_multiplier": 0.22,
                 "logits_scaling": 8.0, "attention_bias": True}, None),
    ("SmolLM3", {"no_rope_layer_interval": 2}, None),
]


@pytest.mark.parametrize("name, changes, context", FOLDERS)
def test_folders_compute_what_transformers_does(session, tmp_path, name, changes, context):
    transformers = pytest.importorskip("transformers", reason="transformers is not installed")
    torch.manual_seed(0)
    sizes = {key: value for key, value in SIZES.items() if key not in ("model_type", "rope_theta", "hidden_act")}
    kind = getattr(transformers, f"{name}TextConfig" if name == "Gemma3" else f"{name}Config")
    config = kind(**{**sizes, "pad_token_id": 0, **changes}, attn_implementation="eager")  # soft caps need it
    theirs = getattr(transformers, f"{name}ForCausalLM")(config)
    with torch.no_grad():
        for key, parameter in theirs.named_parameters():  # its own are ones and zeros, and small
            if parameter.dim() == 1:
                parameter.copy_(0.2 * torch.randn_like(parameter) + ("norm" in key and not name.startswith("Gemma")))
            else:
                parameter.copy_(torch.randn_like(parameter) * parameter.shape[-1] ** -0.5)
    theirs.eval().save_pretrained(tmp_path / "m")
    checkpoint = load_checkpoint(tmp_path / "m", context=context)
    tokens = np.random.default_rng(1).integers(3, 40, 20)
    with torch.no_grad():
        expected = theirs(torch.from_numpy(tokens)[None]).logits[0].numpy()
    model = Model(session.import_checkpoint(checkpoint).compile(threads=1), checkpoint.config)
    ours = np.vstack([model.prefill(tokens[:15]), [model.decode(token) for token in tokens[15:]]])
    np.testing.assert_allclose(ours, expected, atol=5e-6 * np.abs(expected).max())


class TestObserver:
    def model(self):
        torch.manual_seed(0)
        return torch.nn.Sequential(torch.nn.Embedding(40, 32), torch.nn.Linear(32, 32), torch.nn.GELU(),
                                   torch.nn.Linear(32, 40, bias=False))

    def test_hooks_see_what_enters(self, tmp_path):
        from quant_fptq.torch_observer import observe

        model = self.model()
        tokens = torch.randint(0, 40, (2, 7))
        with observe(model) as profile:
            model(tokens)
            model.half().float()(tokens[:1])
        model(tokens)  # no longer seen
        inputs = model[0](tokens).detach().reshape(-1, 32).numpy()
        layer = profile.layers["1"]
        assert (layer.tokens, layer.channels) == (21, 32) and list(profile.layers) == ["1", "3"]
        np.testing.assert_allclose(layer.channel_absmax, np.abs(inputs).max(0), rtol=1e-3)
        profile.save(tmp_path / "p.json")
        assert Profile.load(tmp_path / "p.json").layers["1"].absmax == layer.absmax

    def test_all_that_share_a_weight_are_seen(self):
        from quant_fptq.torch_observer import observe

        first, second = torch.nn.Linear(4, 4, bias=False), torch.nn.Linear(4, 4, bias=False)
        second.weight = first.weight
        model = torch.nn.Sequential(first, second)
        with observe(model) as profile:
            first(torch.ones(1, 4))
            second(torch.full((1, 4), 100.0))
        assert list(profile.layers) == ["0"] and profile.layers["0"].absmax == 100

    def test_shared_weights_have_the_parameters_name(self):
        from quant_fptq.torch_observer import layer_names

        model = self.model()
        model[3].weight = model[0].weight
        assert list(layer_names(model)) == ["1", "0"]
        assert list(layer_names(model, "^1$")) == ["1"]
        with pytest.raises(FptqError, match="no linear layer that matches 'x'"):
            layer_names(model, "x")

    @pytest.mark.parametrize("size, stride", [((1, 1), (1, 1)), ((1, 1), (2, 3)), ((4, 2), (4, 2)), ((1, 2), (2, 2))])
    def test_windows_of_a_convolution_are_rows(self, size, stride):
        from quant_fptq.torch_observer import observe

        torch.manual_seed(0)
        convolution, x = torch.nn.Conv2d(3, 5, size, stride), torch.randn(2, 3, 9, 8)
        with observe(torch.nn.Sequential(convolution)) as profile:
            y = convolution(x)
            convolution(x[0])
        windows = torch.nn.functional.unfold(x, size, stride=stride)  # N x (C k k) x windows
        layer = profile.layers["0"]
        assert layer.tokens == 3 * y[0, 0].numel()
        np.testing.assert_array_equal(layer.channel_absmax, windows.abs().amax((0, 2)).numpy())

    def test_convolutions_that_overlap_are_no_linears(self):
        from quant_fptq.torch_observer import layer_names

        conv = torch.nn.Conv2d
        model = torch.nn.Sequential(conv(4, 4, 3), conv(4, 4, 2, 2, padding=1), conv(4, 4, 1, groups=2),
                                    conv(4, 4, 2, 2, dilation=2), conv(4, 4, 1, dilation=2, padding="valid"))
        assert list(layer_names(model)) == ["4"]

    def test_nan_names_the_layer(self):
        from quant_fptq.torch_observer import observe

        model = self.model()
        with pytest.raises(FptqError, match="layer '1': 32 values are NaN"), observe(model):
            model[1](torch.full((1, 32), float("nan")))
        assert not model[1]._forward_pre_hooks

    def test_the_compiler_takes_it(self, session, tmp_path):
        """A Llama in transformers, observed there, quantized here."""
        transformers = pytest.importorskip("transformers", reason="transformers is not installed")
        from quant_fptq.torch_observer import observe

        path = write_tiny(tmp_path / "plain", **SIZES)
        checkpoint = load_checkpoint(path)
        model = transformers.AutoModelForCausalLM.from_pretrained(path, dtype=torch.float32)
        tokens = np.random.default_rng(1).integers(3, 40, 20)
        with observe(model) as profile, torch.no_grad():
            theirs = model(torch.from_numpy(tokens)[None]).logits[0].numpy()
        seen = {}
        ours = forward(checkpoint, tokens, seen)
        np.testing.assert_allclose(theirs, ours, atol=1e-4 * np.abs(ours).max())
        for layer, largest in seen.items():
            assert profile.layers[layer].absmax == pytest.approx(largest, rel=1e-4)
        profile.save(tmp_path / "profile.json")
        module = session.import_checkpoint(checkpoint)
        module.run(QuantizeOptions(profile=tmp_path / "profile.json", group_size=32).pipeline())
        assert {policy.kind for policy in module.policies()} == {"static", "float"}
        logits = Model(module.compile(threads=1), checkpoint.config).prefill(tokens)
        assert np.corrcoef(logits.ravel(), ours.ravel())[0, 1] > 0.97


@pytest.mark.parametrize("kind", ["Mixtral", "Qwen3Moe", "GptOss"])
def test_mixture_of_experts_through_torch_mlir(session, tmp_path, kind):
    """A linear for each expert, whatever else the export holds; as floats what PyTorch computes."""
    pytest.importorskip("transformers", reason="transformers is not installed")
    if not importlib.util.find_spec("torch_mlir"):  # not imported: two versions of MLIR in one process clash
        pytest.skip("torch-mlir is not installed (python -m pip install torch-mlir)")
    script = Path(__file__).with_name("export_mixture.py")
    done = subprocess.run([sys.executable, script, kind, tmp_path], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr[-2000:]
    arrays = np.load(tmp_path / "arrays.npz")
    arguments, expected = [arrays["ids"], arrays["mask"]], arrays["logits"]
    module = session.parse(tmp_path / "model.mlir").run("fptq-raise")
    assert module.text().count("= fptq.linear") == 4 + 1 + 2 * 4 + 1  # attention, router, experts, head
    floats = module.clone().compile().call("main", arguments)[0]
    np.testing.assert_allclose(floats, expected, rtol=1e-4, atol=1e-4)
    module.run("fptq-quantize-pipeline{policy=per-token group-size=32}")
    quantized = module.compile().call("main", arguments)[0]
    assert np.square(quantized - expected).sum() < 0.2 * np.square(expected).sum()
