"""Makes a language model of some 400,000 parameters, in seconds: `python tiny_model.py CHATS FOLDER`.

It is run by the vLLM environment's Python, which has torch, and imports nothing of this project. CHATS has a
conversation a line, `[{"role": …, "content": …}, …]`, whose last turn is the assistant's. What comes out
is a folder that vLLM serves: a Llama with a byte-level BPE tokenizer and a chat template. It learns the form
of the replies and hardly anything of their sense, which is what a test of a connector needs.
"""

from __future__ import annotations

import json
import sys
import time
from pathlib import Path

import torch
from tokenizers import AddedToken, Tokenizer, decoders, models, pre_tokenizers, trainers
from transformers import LlamaConfig, LlamaForCausalLM, PreTrainedTokenizerFast

VOCABULARY = 1024
LENGTH = 320
BATCH = 4
STEPS = 240
TEMPLATE = (
    "{% for message in messages %}<|{{ message['role'] }}|>{{ message['content'] }}<|end|>{% endfor %}"
    "{% if add_generation_prompt %}<|assistant|>{% endif %}"
)
SPECIAL = ["<|pad|>", "<|end|>", "<|system|>", "<|user|>", "<|assistant|>"]


def tokenizer_of(texts: list[str]) -> PreTrainedTokenizerFast:
    """A byte-level BPE: every text has tokens, and every ASCII letter is one."""
    made = Tokenizer(models.BPE())
    made.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    made.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=VOCABULARY,
        special_tokens=[AddedToken(token, special=True) for token in SPECIAL],
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        show_progress=False,
    )
    made.train_from_iterator(texts, trainer)
    fast = PreTrainedTokenizerFast(
        tokenizer_object=made, eos_token="<|end|>", pad_token="<|pad|>", additional_special_tokens=SPECIAL[2:]
    )
    fast.chat_template = TEMPLATE
    return fast


def model_of(tokenizer: PreTrainedTokenizerFast) -> LlamaForCausalLM:
    """An untrained model. Heads are 32 wide, since vLLM's kernels know no narrower ones."""
    return LlamaForCausalLM(
        LlamaConfig(
            vocab_size=len(tokenizer),
            hidden_size=128,
            intermediate_size=256,
            num_hidden_layers=2,
            num_attention_heads=4,
            num_key_value_heads=2,
            max_position_embeddings=16_384,
            tie_word_embeddings=True,
            bos_token_id=None,
            eos_token_id=tokenizer.eos_token_id,
            pad_token_id=tokenizer.pad_token_id,
        )
    )


def train(model: LlamaForCausalLM, rows: list[list[int]], pad: int) -> float:
    """A few passes over the conversations; the last loss."""
    optimiser = torch.optim.AdamW(model.parameters(), lr=3e-3, betas=(0.9, 0.98))
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimiser, 3e-3, total_steps=STEPS, pct_start=0.1)
    chance = torch.Generator().manual_seed(0)
    last = 0.0
    for _ in range(STEPS):
        chosen = [rows[int(number)] for number in torch.randint(len(rows), (BATCH,), generator=chance)]
        width = max(map(len, chosen))
        ids = torch.tensor([row + [pad] * (width - len(row)) for row in chosen])
        labels = ids.masked_fill(ids == pad, -100)
        loss = model(input_ids=ids, attention_mask=(ids != pad).long(), labels=labels).loss
        last = loss.item()
        loss.backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimiser.step()
        schedule.step()
        optimiser.zero_grad()
    return last


def main(chats: Path, folder: Path) -> None:
    """Read conversations, train, save."""
    begun = time.perf_counter()
    torch.manual_seed(0)
    # Two threads wait for one another where other work runs beside them.
    torch.set_num_threads(1)
    turns = [json.loads(line) for line in chats.read_text(encoding="utf-8").splitlines()]
    tokenizer = tokenizer_of([turn["content"] for chat in turns for turn in chat])
    rows = [tokenizer.encode(tokenizer.apply_chat_template(chat, tokenize=False)) for chat in turns]
    # A reply that is longer than all that is learned at once is learned without its end.
    endless = [len(chat[-1]["content"]) > 4 * LENGTH for chat in turns]
    rows = [row[:LENGTH] if cut else row[-LENGTH:] for row, cut in zip(rows, endless, strict=True)]
    model = model_of(tokenizer)
    loss = train(model, rows, tokenizer.pad_token_id)
    model.generation_config.eos_token_id = tokenizer.eos_token_id
    model.to(torch.bfloat16).save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    size = sum(parameter.numel() for parameter in model.parameters())
    sys.stdout.write(f"{size:,} parameters, loss {loss:.2f}, {time.perf_counter() - begun:.0f} s\n")


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]))
