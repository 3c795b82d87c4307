# ---
# jupyter:
#   jupytext:
#     formats: ipynb,py:percent
#     text_representation:
#       extension: .py
#       format_name: percent
#   kernelspec:
#     display_name: Python 3
#     language: python
#     name: python3
# ---

# %% [markdown]
# # From CLIP to pictures
#
# **Claim.** A StyleGAN2 {cite:p}`karras2020stylegan2` that was trained to generate pictures from CLIP embeddings
# without captions (Lafite, {cite:t}`zhou2022lafite`) can be widened from one condition to two, image and caption, by
# copying its weights, and then finetuned on the embeddings that the two mappers decode from the brain
# {cite:p}`lin2022mindreader`. Its pictures identify the stimulus far above chance.
#
# Everything here is a **simulated subject** unless you pass `subject="subj01"`. Identification and distances are
# measured with a feature net that is in no training loss; a generator that is trained against a CLIP soon scores well
# by that CLIP with pictures that show fog.

# %% tags=["parameters"]
preset: str = "book"  # smoke, book, paper or shared1000
subject: str = ""  # twin01 (simulated) or your NSD's subj01 .. subj08, empty keeps the preset's
seed: int = 0  # one number from which all others follow
overrides: dict = {}  # by dotted name, for example gan.kimg
cond: str = "both"  # img, cap or both: which mapped embedding conditions the generator
start: str = "lf"  # lf, supervised or none: the pretrained generator that finetuning starts from
low_level: bool = False  # whether a low-level net compares generated and real picture, too
end_to_end: float = 0.0  # 0 freezes the mappers, else they train along, by its loss of this weight
kimg: float = 0.0  # thousands of pictures that finetuning shows, 0 keeps the preset's number
device: str = "cpu"  # cpu or cuda
ablation: str = "record"  # or none, tables, end_to_end, nothing_pretrained, published_bugs, all
n_seeds: int = 1  # trainings of each variant, where ablation is not record

# %%
from mindreader import field
from mindreader.companion import ch03_gan as report, chapter, failings, foundagain, plots, refitted
from mindreader.companion.ch03_gan import (finetuning, held_out, out_of_domain, repeats,
                                           shared_images)
from mindreader.core import params
from mindreader.studies import generator_grid, held_out as held_out_record

preset = params.begin(globals(), preset=str, subject=str, seed=int, overrides=dict,
                      cond=("img", "cap", "both"),
                      start=generator_grid.STARTS, low_level=bool, end_to_end=float, kimg=float,
                      device=str, ablation=generator_grid.ABLATIONS, n_seeds=int)
run = chapter.start("03_gan", preset, subject=subject, seed=seed, overrides=overrides, cond=cond,
                    start=start, low_level=low_level, end_to_end=end_to_end, kimg=kimg,
                    device=device, ablation=ablation, n_seeds=n_seeds)
print(run.opening(training_trials=len(run.subject.train),
                  validation_trials=len(run.subject.validation)))

# %% [markdown]
# ## One head becomes two
#
# In every layer a head turns its condition into a code by two small layers of its own; the two codes meet in an
# elementwise maximum, and the style is an affine map of that and of $w$, the code of the noise:
#
# ```{math}
# :label: eq-style
# s = A\left[\max\left(c_1(\hat h_{img}), c_2(\hat h_{cap})\right), w\right].
# ```
#
# Since the second head starts as a copy of the first, two equal conditions give *exactly* the picture of the one-headed
# generator: {eq}`eq-style` changes nothing until training makes the heads differ. A test checks this.
#
# ```{verdicts} 03_gan
# :of: copied-weights
# ```

# %% tags=["hide-input"] mystnb={"figure": {"name": "fig-gan-loss", "caption": "Finetuning: the generator's and the discriminator's losses."}}
history = report.gan_history(run, cond)
run.show(plots.curves(history, x="kimg", y="value", hue="loss", origin=run.origin,
                      xlabel="thousand pictures seen",
                      ylabel="loss", title="Finetuning is short"), "history", data=history)

# %% [markdown]
# ## What was seen, what is reconstructed
#
# Pictures from single trials that the mappers and the generator never trained on; trials are the first of the
# validation side, not chosen. *True embedding* is the ceiling: the same generator conditioned on CLIP's own embeddings.
# *Shuffled brain* is the floor: another trial's activity.

# %% tags=["hide-input"] mystnb={"figure": {"name": "fig-samples", "caption": "Single-trial reconstructions beside what was seen, the ceiling from true embeddings, the pretrained generator before finetuning, and two floors."}}
pictures = report.sample_columns(run, cond, n=8)
run.show(plots.picture_grid(pictures, origin=run.origin), "samples")

# %% [markdown]
# Eight rows are few. Here are the first 64, none left out.

# %% tags=["hide-input"] mystnb={"figure": {"name": "fig-unselected", "caption": "The first 64 validation pictures, and in the same places what the finetuned generator makes of their true embeddings and of a single trial of each."}}
run.show(plots.picture_sheets(report.unselected(run, cond, n=64), origin=run.origin,
                              title="Sixty-four, not chosen"),
         "unselected")

# %% [markdown]
# ## The same trial, several draws
#
# The condition decides what is shown; the noise $z$ may decide the rest, and in this generator decides little of it
# ({doc}`07_pretrained` measures how much). What is where, as the segmenter of the section below reads it, is the same at
# {ours}`03_gan:same_z_brain` of the places in two draws from one trial, and at {ours}`03_gan:same_other_brain` where the picture
# is another one, too; from true embeddings at {ours}`03_gan:same_z_ceiling` and {ours}`03_gan:same_other_ceiling`.

# %% tags=["hide-input"] mystnb={"figure": {"name": "fig-draws", "caption": "One trial for each row: what was seen, and four draws of z."}}
run.show(plots.picture_grid(report.draws(run, cond, n=5, n_draws=4), origin=run.origin), "draws")

# %% [markdown]
# ## Three repeats of one picture
#
# The paper's Figure 7 shows side by side the reconstructions from several scans of one picture. They emphasize
# different things in it, which may reveal differences in processing. Here that can be tested: it is known which thing
# was attended on each trial ({doc}`00_subject`). {numref}`fig-repeats` has the first pictures, in trial order, on
# whose repeats different things were attended. All repeats of a picture share their $z$, so what differs comes from
# the trial alone.

# %% tags=["hide-input"] mystnb={"figure": {"name": "fig-repeats", "caption": "Reconstructions of repeats of the same validation picture (the paper's Fig. 7). Above: what was attended on that trial. Below: what is decoded from the reconstruction, in red where it is another thing; where nothing was attended, nothing is decoded."}}
shown = repeats.by_repeat(run, cond, n=5)
run.show(plots.repeated_reconstructions(shown, origin=run.origin), "repeats",
         data=shown.drop(columns=["seen", "reconstructed"])) if len(shown) else repeats.LEFT_OUT

# %% [markdown]
# They differ; do they differ *by what was attended*? A ridge regression that was fitted to training pictures decodes
# each thing's presence, from features that are in no loss. Evidence is centred over a picture's trials, and chance
# comes from permuting them. The same is done for the mapped embeddings and for the activity
# ({numref}`fig-attended-generated`).

# %% tags=["hide-input"] mystnb={"figure": {"name": "fig-attended-generated", "caption": "How often the attended thing is decoded, with 95 % intervals from resampling pictures. Grey: the true picture, which is the same on each trial, and another trial's brain. Dashed: mean chance."}}
attended = repeats.attention(run, cond)
run.show(plots.scores_with_controls(attended, origin=run.origin,
                                    xlabel="attended thing decoded (share of trials)",
                                    title="Which thing was attended",
                                    chance=attended.chance.mean()), "attended",
         data=attended) if len(attended) else repeats.LEFT_OUT

# %% [markdown]
# **Reading.** From the reconstruction the attended thing is decoded on {ours}`03_gan:attended_generated` of the trials,
# where permuting gives {ours}`03_gan:attended_chance` (p = {ours}`03_gan:attended_generated_p`). From the activity it
# is {ours}`03_gan:attended_activity` (p = {ours}`03_gan:attended_activity_p`), from the image embedding
# {ours}`03_gan:attended_image` (p = {ours}`03_gan:attended_image_p`), from the caption embedding
# {ours}`03_gan:attended_caption` (p = {ours}`03_gan:attended_caption_p`); with another trial's brain
# {ours}`03_gan:attended_shuffled`. That two reconstructions differ proves nothing by itself: noise does that, too.
#
# ```{verdicts} 03_gan
# :of: repeats-attention
# ```

# %% [markdown]
# ## Between two scans
#
# The paper decodes blends of the embeddings of two scans (its Fig. 18), and hopes for films. {numref}`fig-between-scans` goes from one
# trial to a trial of another picture in equal steps, with the same $z$. Smooth is a walk on which no step has more than its
# share of the change: of {ours}`03_gan:walk_steps` steps the largest has, on average over pictures and three fits,
# {ours}`03_gan:fails_jump_brain` of the way in the space of a network that is in no loss (from true embeddings
# {ours}`03_gan:fails_jump_ceiling`), where equal steps would have {ours}`03_gan:walk_even` and a jump 1.

# %% tags=["hide-input"] mystnb={"figure": {"name": "fig-between-scans", "caption": "From the first trials, not chosen, to a trial of another picture each: what was seen at both ends, and what is decoded from blends of the two (the paper's Fig. 18)."}}
run.show(plots.picture_grid(failings.walk_columns(run, cond, n=3), origin=run.origin), "walk")

# %% [markdown]
# ```{verdicts} 03_gan
# :of: interpolation
# ```

# %% [markdown]
# ## Worst and best
#
# Trials chosen by their score alone: the four worst and the four best by exact two-way identification, the first
# trial of each picture. The paper's Figure 15 shows failures, too; how those were found it does not say.

# %% tags=["hide-input"] mystnb={"figure": {"name": "fig-extremes", "caption": "The four worst and the four best trials. At the left the share of two-way comparisons that the reconstruction wins."}}
extremes, labels = report.extremes(run, cond, n=4)
run.show(plots.picture_grid(extremes, row_labels=labels, origin=run.origin), "extremes")

# %% [markdown]
# ## Identification
#
# $n$-way identification: is the reconstruction's feature vector nearer (cosine) to the stimulus than to $n - 1$ other
# validation pictures? The paper draws the rivals, ten times over, and gives mean and deviation of the ten. We also
# count the chance of winning over *all* sets of rivals, which needs no draws, and resample pictures for an interval:
# the deviation of the draws says only how far the drawing of rivals moves the number.

# %%
table = report.identification(run, cond)
run.table(report.table_6(table), "table_6")

# %% tags=["hide-input"] mystnb={"figure": {"name": "fig-identification", "caption": "Two-way identification with 95 % intervals from resampling pictures. Grey: controls. The paper's value is NSD's, by Inception features; it says nothing about a simulated subject."}}
run.show(plots.scores_with_controls(report.two_way(table), origin=run.origin,
                                    xlabel="two-way identification",
                                    title="Pictures from a single trial identify what was seen",
                                    chance=0.5), "two_way",
         data=table)

# %% [markdown]
# ```{verdicts} 03_gan
# :of: faithful both-identify two-way-level
# ```
#
# The intervals above are of one generator, finetuned on one fit of each mapper. The whole chain fitted again from other
# seeds, three times (`make tables`), with intervals over pictures *and* fits:

# %%
fits = refitted.beside_record(run, table, report.RECORDED)
run.table(fits, "refits")

# %% [markdown]
# ## How far from real pictures
#
# The Fréchet distance between the features of reconstructions and of the validation pictures (`FD (twin features)`: it
# is not FID, which belongs to another network). The released code compares with the pictures of all *training* trials
# unless told otherwise; that variant stands beside. Neither can see whether a picture fits its trial; that is what the
# shuffled brain's row shows.

# %%
distances = report.distances(run, cond)
run.table(distances, "distances")

# %% [markdown]
# Few pictures inflate a Fréchet distance. {numref}`fig-sizes` has the same sets at growing size, over $1/n$; the line
# through the four largest sizes leads to where infinitely many would be {cite:p}`chong2020effectively`. The kernel
# distance {cite:p}`binkowski2018kid` has no such bias. Training pictures against validation pictures are the test:
# their distance is next to nothing, and the line finds that.

# %% tags=["hide-input"] mystnb={"figure": {"name": "fig-sizes", "caption": "Fréchet and kernel distance by n pictures on each side, mean and deviation of ten draws. Diamonds: the limit for infinitely many."}}
sizes = report.distances_by_size(run, cond)
run.show(plots.distances_over_size(sizes, origin=run.origin, labels=report.DISTANCES,
                                            title="Few pictures inflate one of the two"), "sizes",
         data=sizes)

# %% [markdown]
# Did finetuning help? The same pictures are drawn for both generators, again and again, so that what is hard for both
# cancels out. A positive difference says that finetuning came nearer.

# %%
gain = report.finetuning_gain(run, cond)
run.table(gain, "gain")

# %% [markdown]
# ```{verdicts} 03_gan
# :of: natural fid-reasonable light-finetuning
# ```
#
# ## Which things are found again?
#
# Identification asks whether a reconstruction is nearer to the right picture than to another; not whether what was seen
# is in it. A segmenter that is in no loss reads every reconstruction, and it is counted which classes of the true
# picture are there again ({doc}`07_pretrained` has the same without a brain). Two rows need no generator: the training
# picture of the world that is nearest to the same embedding, the best that a library of pictures could show.

# %%
_, source = foundagain.recorded_found(run)
print(source)

# %%
run.table(foundagain.found_means(run, "validation trials"), "found_again")

# %% tags=["hide-input"] mystnb={"figure": {"name": "fig-found-trials", "caption": "Share of the validation trials with a class in which it is found again in the reconstruction, by the source of the condition, and in the retrieved picture. Intervals of the brain resample pictures."}}
classes = foundagain.found_classes(run, "validation trials")
run.show(plots.classes_by_kind(classes, by="brain", origin=run.origin, xlabel="found again",
                               chance=None, title="What of a scene comes back from single trials"),
         "found_again_classes", data=classes)

# %% tags=["hide-output"]
run.table(foundagain.above(run, "validation trials", "brain", "shuffled brain"),
          "found_above_shuffled")

# %% [markdown]
# **Reading.** From single trials things are found again in {ours}`03_gan:found_brain` of the cases, from a shuffled
# brain in {ours}`03_gan:found_shuffled`, from true embeddings in {ours}`03_gan:found_ceiling` (means over classes);
# stuff in {ours}`03_gan:found_brain_stuff`, {ours}`03_gan:found_shuffled_stuff` and {ours}`03_gan:found_ceiling_stuff`.
# In its place a thing is found in {ours}`03_gan:found_brain_place`, in its colour in {ours}`03_gan:found_brain_colour`.
# The brain finds {ours}`03_gan:found_things_above` of {ours}`03_gan:found_things_classes` classes of things and
# {ours}`03_gan:found_stuff_above` of {ours}`03_gan:found_stuff_classes` of stuff more often than the shuffled brain does, by an
# interval of the difference on the same pictures. Retrieval by the brain's embedding shows
# {ours}`03_gan:found_retrieved_brain` of the things, by the true one
# {ours}`03_gan:found_retrieved`. *Structure or surface* is the score of naturalness that passed the exam of
# {doc}`07_pretrained`; it is 1 for real pictures behind a haze that hardly shows. Reconstructions have
# {ours}`03_gan:natural_brain` from the brain and {ours}`03_gan:natural_ceiling` from true embeddings: nobody takes either
# for real pictures.
#
# ## Why fog?
#
# From the brain pictures are foggier still than from true embeddings. Decoded embeddings may have the wrong mean or
# spread, be too far from the truth, or lie where no picture's embedding lies. {numref}`fig-fog` and the table change
# one of these at a time. *Mean and spread*: decoded embeddings, moved and stretched until over training trials they have
# the mean and covariance of true ones. *Nearest training picture*: the true embeddings of a picture, mostly the wrong
# one. *Another trial's error*: the whole error that a decoded embedding has, on the true embedding of another picture.
# *At random*: an error of the trial's own angle, in no particular direction. *Between*: half-way from the true embedding
# to that of another picture.

# %% tags=["hide-input"] mystnb={"figure": {"name": "fig-fog", "caption": "The first trials, each from changed conditions, all by the same finetuned generator with the same z."}}
run.show(plots.picture_grid(report.changed_columns(run, cond, n=5), origin=run.origin),
         "changed_conditions")

# %%
run.table(foundagain.fog(run), "fog")

# %% [markdown]
# **Reading.** It is not the spread: with the mean and spread of true embeddings the score is
# {ours}`03_gan:fog_spread_natural` (brain {ours}`03_gan:fog_brain_natural`), and identification goes from
# {ours}`03_gan:fog_brain_two_way` to {ours}`03_gan:fog_spread_two_way`. It is not the distance from the truth: the
# embedding of the nearest training picture is no nearer to the truth than the brain's (cosine
# {ours}`03_gan:fog_picture_cosine`, brain {ours}`03_gan:fog_brain_cosine`), yet its pictures have
# {ours}`03_gan:fog_picture_natural`, where true embeddings have {ours}`03_gan:fog_ceiling_natural`. A condition between
# two pictures is nearer (cosine {ours}`03_gan:fog_between_cosine`) and identifies at {ours}`03_gan:fog_between_two_way`,
# and has {ours}`03_gan:fog_between_natural`. So fog is what this generator has for conditions that are no picture's
# embedding, and a decoder that hesitates between pictures gives just these. Finetuning on decoded embeddings, the
# paper's cure, is too short here to mend that. The nearest picture's embedding would, at the price of identification
# ({ours}`03_gan:fog_picture_two_way`): a decoder for looks, which the paper's recipe is not. What identification loses is
# another matter. An error of the same angle in a random direction leaves it at {ours}`03_gan:fog_random_two_way`, so what
# the decoder gets wrong lies along directions in which pictures differ.
#
# ## What goes wrong?
#
# The paper's appendix (A.7) shows chosen failures and says what is wrong with them: another background, another number of
# things, colours on the wrong things, something added that training pictures would have. Here each is counted on every
# trial, by the same segmenter, against what was in the picture: how often it happens, of how often it could. It errs, too;
# what it gets wrong on *the picture itself* stands beside. All is by three fits of the whole chain (`make tables`), with
# intervals over pictures and fits.

# %%
_, source = failings.recorded_failures(run)
print(source)

# %% tags=["hide-input"] mystnb={"figure": {"name": "fig-failures", "caption": "How often each failure happens, of how often it could: the stuff that covers most of a picture, where it is nowhere in the reconstruction; classes of things that are found again, in another number or colour; pairs of such things, left and right exchanged (by chance one half). 95 % intervals over pictures and three fits."}}
rates = failings.rates(run)
run.show(plots.dots(rates, hue="source", origin=run.origin, xlabel="share of what could go wrong",
                    title="What goes wrong, from the brain and without one"), "failures",
         data=rates)

# %% [markdown]
# {numref}`fig-failure-examples` has the first trials on which each happens by this run's fit, so that one can see whether
# the segmenter is to be believed. Grounds and faces can be checked by eye. In fog it names things where a person sees none,
# so that what is added, or exchanged, from the brain counts its guesses, too; in pictures from true embeddings there are
# fewer.

# %% tags=["hide-input"] mystnb={"figure": {"name": "fig-failure-examples", "caption": "For each failure the first two trials on which it happens, by the segmenter: what was seen, and what is reconstructed."}}
examples, labels = failings.examples(run, cond)
run.show(plots.picture_grid(examples, row_labels=labels, origin=run.origin), "failure_examples")

# %% [markdown]
# The same in numbers, beside the *nearest real picture* of the section above, and then the brain's paired differences
# from the other columns. *That colour is another thing's*:
# of things in a wrong colour, how much more often that colour is one of another thing in the picture than of things in
# other pictures. *How well they fit it*: the mean log ratio of how often training pictures have the added class beside the
# picture's own and how often they would by chance, less that with other pictures. *Close-ups* have one kind of thing that
# covers a fifth of the picture; *failures* are the fifth of the trials with the lowest two-way identification, and the
# discriminator's output is in standard deviations over trials.

# %%
run.table(failings.failures(run), "failures_by_source")

# %% tags=["hide-output"]
run.table(failings.differences(run), "failures_differences")

# %% [markdown]
# **Reading.** From single trials the main ground is nowhere on {ours}`03_gan:fails_ground_brain` of the trials, and of the
# things that are found again {ours}`03_gan:fails_number_brain` come in another number and {ours}`03_gan:fails_colour_brain`
# in another colour. Without a brain, from true embeddings, it is {ours}`03_gan:fails_ground_ceiling`,
# {ours}`03_gan:fails_number_ceiling` and {ours}`03_gan:fails_colour_ceiling`: the ground is lost on the way from the brain, of
# numbers and colours a part before. Retrieval tells more of that part, as real pictures need no generator. The nearest real
# picture to the true embedding has another colour about as often ({ours}`03_gan:fails_colour_retrieved`), so nearness in the
# embedding leaves colours open; and another number less often ({ours}`03_gan:fails_number_retrieved`), so numbers are lost by
# the generator.
#
# *Which thing stands left* is at chance from every source, from true embeddings ({ours}`03_gan:fails_side_ceiling` are
# exchanged) and in the nearest real picture ({ours}`03_gan:fails_side_retrieved`), too: this CLIP's embedding says what is
# there, not where ({doc}`07_pretrained` cannot read the place of a lone thing from it, either), and what it does not hold no
# generator brings back.
#
# *Colours on the wrong things*: from true embeddings a wrong colour is another thing's in the picture
# {ours}`03_gan:fails_borrowed_ceiling` more often than by chance, and in the nearest real picture
# {ours}`03_gan:fails_borrowed_retrieved`. The embedding has the scene's colours and says less of whose they are, which is what the
# paper describes. From the brain it is {ours}`03_gan:fails_borrowed_brain`: too little colour is decoded for it to be exchanged.
#
# *What is added* is, from the brain, {ours}`03_gan:fails_added_brain` classes a picture, more than the nearest real picture
# has ({ours}`03_gan:fails_added_retrieved_brain` by the same embedding), since a segmenter has to call fog something. It
# is not just anything: it fits what was seen by {ours}`03_gan:fails_fitting_brain` more than other pictures, where a
# shuffled brain's has {ours}`03_gan:fails_fitting_shuffled`. The discriminator is a little less sure on failures, by
# {ours}`03_gan:fails_discriminator_brain` of a standard deviation; that it stays the same, as the paper says, it does not,
# but nobody could tell a failure by that. Close-ups are identified no worse than other pictures; in this world they are
# simpler than a face.
#
# ```{verdicts} 03_gan
# :of: fails-background fails-numbers fails-colours fails-bias fails-close-ups confident-when-wrong relations
# ```
#
# ## Image, caption, or both?

# %%
conditions = report.conditions(run)
run.table(conditions, "conditions")

# %% tags=["hide-input"] mystnb={"figure": {"name": "fig-heads", "caption": "The same single trials by the generators of one head and of both (the paper's Figs. 5 and 14)."}}
run.show(plots.picture_grid(report.by_head(run, n=6), origin=run.origin), "heads")

# %% [markdown]
# What each head keeps of the things in a picture, as the segmenter reads it, by three fits of the whole chain:

# %%
run.table(failings.heads(run), "heads_by_aspect")

# %% [markdown]
# ```{verdicts} 03_gan
# :of: heads-emphasise before-finetuning
# ```
#
# ## Tables 1 and 5: which start, which losses?
#
# The paper's Tables 1 and 5 cross three questions: which head, which pretrained generator (trained on pictures alone,
# or on captions), and whether a low-level net compares generated and real picture in the loss. Their numbers are lost;
# what the text says of them is not. `make tables` trains every cell anew, on this brain, with all else equal; the
# sentence below says whether the record is what this run would make, and `-p ablation tables` trains the cells here.

# %%
found = finetuning.finetuned(run, ablation, n_seeds)
print(found.source)

# %%
run.table(finetuning.table_1(found), "table_1")

# %% tags=["hide-input"] mystnb={"figure": {"name": "fig-variants", "caption": "Two-way identification of every cell of Tables 1 and 5, 95 % intervals over pictures and trainings."}}
dots = finetuning.variant_dots(found)
run.show(plots.dots(dots, hue="loss", origin=run.origin, xlabel="two-way identification",
                    chance=0.5, title="Heads, starts and the low-level loss"), "variants",
         data=dots)

# %% [markdown]
# Beside the tables: mappers that train along with the generator, with the discriminator in their loss; a generator for
# which nothing was pretrained, so that it first trains on pseudo conditions (the paper's fallback); and each bug of the
# released training code. *Silent* is the share of a mapper's dimensions that hardly vary over trials: a collapse would
# show there.

# %%
run.table(finetuning.beyond(found), "beyond")

# %% [markdown]
# Each comparison is paired: on the same pictures, and of finetunings of the same mappers. *seeds* counts the trainings of
# a cell, each on mappers of its own, and intervals cover pictures and trainings. The verdicts are the ledger's
# ({doc}`../claims`), by which one training gives a direction at most.

# %%
claims = run.table(finetuning.claim_table(found), "table_1_claims")
claims

# %% tags=["hide-input"] mystnb={"figure": {"name": "fig-claims", "caption": "How much each choice gains in two-way identification, over the row that is named, all else equal; right of the line: as claimed. 95 % intervals over pictures and trainings."}}
dots = finetuning.claim_dots(found)
run.show(plots.dots(dots, hue="asked", origin=run.origin, xlabel="gain in two-way identification",
                    chance=0.0, chance_label="no gain", title="What each choice brings"),
         "claims", data=dots)

# %% [markdown]
# What the paper's text concludes from all of these stands or falls with each comparison, by both measures:
#
# ```{verdicts} 03_gan
# :of: text-helps best-fid-head lf-start lf-start-captions pretraining-crucial low-level-helps low-level-single frozen-better mapper-collapses two-stage-fallback
# :name: tab-gan-claims
# :caption: What the paper says of its choices, what it shows, and what comes out here ({doc}`../claims`).
# ```
#
# **Reading.** *Heads*: the distance is {ours}`03_gan:row_img_lf_fd` by the image head, {ours}`03_gan:row_cap_lf_fd` by
# the caption head, {ours}`03_gan:row_both_lf_fd` by both; identification {ours}`03_gan:row_img_lf`,
# {ours}`03_gan:row_cap_lf` and {ours}`03_gan:row_both_lf`. *Start*: with both heads {ours}`03_gan:row_both_lf` from the
# language-free generator, {ours}`03_gan:row_both_supervised` from the supervised one; of our two, one goes on from the
# other, so less can lie between them. *Low-level loss*: {ours}`03_gan:row_both_lf_low` with it. *End to end*:
# {ours}`03_gan:row_both_lf_e2e_001`, {ours}`03_gan:row_both_lf_e2e_01` and {ours}`03_gan:row_both_lf_e2e_1` at growing
# weight; {ours}`03_gan:row_both_lf_e2e_1_silent_image` and {ours}`03_gan:row_both_lf_e2e_1_silent_caption` of the
# dimensions hardly vary at the largest. *Nothing pretrained*: {ours}`03_gan:row_both_none`. *Bugs*: the cached first
# condition takes {ours}`03_gan:bug_first_sample_cached` away, the summed logit {ours}`03_gan:bug_batch_summed_logit`,
# the fixed z {ours}`03_gan:bug_zero_z`, and the second mapper's loss from the first's output
# {ours}`03_gan:bug_second_on_first`; point at them for their intervals.

# %% [markdown]
# ## The eight metrics of later work
#
# Later work reports eight numbers side by side {cite:p}`ozcelik2023braindiffuser,scotti2023mindeye`: correlation of
# pixels and SSIM at 425 px, two-way identification through layers 2 and 5 of AlexNet, Inception and CLIP, and
# correlation *distances*, lower is better, through EfficientNet and SwAV. Put those networks' weights into the folder
# that `$MINDREADER_METRICS` names, and these are MindEye's numbers (`field.EIGHT` has Brain-Diffuser's too, with other
# sizes and other EfficientNet weights). Without them small networks of the simulated world take their place, and the
# columns are called `(twin)`: other networks, so other numbers. One reconstruction for each picture; later work
# averages repeats, so that row stands beside the single trials.

# %%
numbers = report.eight_numbers(run, cond, field.feature_extractors())
run.table(report.eight_wide(numbers), "eight")

# %% [markdown]
# Tables of this decade validate on NSD's shared images and decode the mean activity of a picture's repeats. The preset
# `shared1000` does so, by the practices of MindEye and of Brain-Diffuser, fits nothing to what is scored, and adds
# retrieval as MindEye's code has it. NSD's numbers then stand below published ones; a simulated subject's stand alone.

# %%
shared = shared_images.shared_image_scores(run, cond)
print(shared_images.what_was_scored(run) if len(shared) else shared_images.LEFT_OUT)

# %%
run.table(shared_images.shared_image_table(run, shared),
          "shared_images") if len(shared) else shared_images.LEFT_OUT

# %% [markdown]
# ```{verdicts} 03_gan
# :of: semantic-over-pixels
# ```
#
# ## What the brain contributes
#
# A generator that was trained on pictures scores without any brain. So each score below has the same rows: the ceiling
# (CLIP's own embeddings), the brain, the *category centroid* (the mean true embedding of training pictures of the same
# category, which is the rarest thing in the picture: a decoder of the category and nothing else), the nearest training
# picture (retrieval, no generator), and three without information on the trial. The green bar is what this brain adds
# to the best of those three. *Among the same category* all rivals share the picture's category, which is then worth
# nothing.

# %% tags=["hide-input"] mystnb={"figure": {"name": "fig-contribution", "caption": "Every score for every source of the generator's conditions, and for retrieval; better is to the right; PixCorr and SSIM leave two rows out. Percentages: how far the brain leads from the best score without it to the ceiling."}}
by_source = report.scores_by_source(run, cond, numbers)
share = report.brain_share(by_source)
run.show(plots.score_panels(by_source, share, origin=run.origin,
                            title="How much of each score is the brain's"),
         "contribution", data=by_source)

# %% [markdown]
# The same question from the other side {cite:p}`mayo2024brainbits`: reduce the mapped embeddings to their first $r$
# principal directions. How few carry how much?

# %% tags=["hide-input"] mystnb={"figure": {"name": "fig-bottleneck", "caption": "Two-way identification from r principal directions of the mapped embeddings, in CLIP's spaces and, for a few r, through the generator. With none, all trials have the mean embedding."}}
curve = report.bottleneck_curve(run, cond)
run.show(plots.bottleneck(curve, origin=run.origin, title="A few directions carry most"),
         "bottleneck", data=curve)

# %% [markdown]
# ## Held-out categories: recalled, or decoded?
#
# A decoder that was trained on every category of pictures may recall one of them instead of decoding. So the recipe
# runs again, as long, with whole clusters of pictures held out. The last rivals are the training pictures themselves:
# a recalled picture lies nearer to some of them than to what was seen. Held-out pictures are also more alike, so
# compare each row with its ceiling and its shuffled brain ({numref}`fig-held-out`).

# %%
splits, source = held_out_record.recorded(run, ablation)
print(source)

# %% tags=["hide-input"] mystnb={"figure": {"name": "fig-held-out", "caption": "Identification with the usual split and with whole clusters of pictures held out, both heads, by rivals; 95 % intervals from resampling pictures."}}
run.show(plots.dots(splits.assign(group=splits.metric), hue="split", origin=run.origin, chance=0.5,
                    xlabel="share of comparisons won", title="With whole categories held out"),
         "held_out", data=splits) if len(splits) else source

# %%
run.table(held_out.held_out_table(splits), "held_out_table") if len(splits) else source

# %% [markdown]
# **Reading.** Among validation pictures the brain wins {ours}`03_gan:usual` with the usual split and
# {ours}`03_gan:held_out` with categories held out (ceilings {ours}`03_gan:usual_ceiling` and
# {ours}`03_gan:held_out_ceiling`, shuffled {ours}`03_gan:usual_shuffled` and {ours}`03_gan:held_out_shuffled`); within
# a category {ours}`03_gan:usual_within` and {ours}`03_gan:held_out_within`. Against training pictures it wins
# {ours}`03_gan:usual_training` and {ours}`03_gan:held_out_training`, the nearest training picture
# {ours}`03_gan:usual_training_nearest` and {ours}`03_gan:held_out_training_nearest`, the category centroid
# {ours}`03_gan:usual_training_centroid` and {ours}`03_gan:held_out_training_centroid`. The cosine to the nearest
# training picture falls from {ours}`03_gan:usual_cosine` to {ours}`03_gan:held_out_cosine`, but
# {ours}`03_gan:held_out_known` of the held-out pictures still have a rarest thing that training pictures show:
# combinations are held out more than things.
#
# ```{verdicts} 03_gan
# :of: fails-novel
# ```

# %% [markdown]
# ## A generator out of domain
#
# The paper also feeds a generator that was pretrained on other pictures, without finetuning (its Fig. 12). Ours was
# trained on a world with another palette, under a watermark ({doc}`07_pretrained`). Neither generator in
# {numref}`fig-ood` is finetuned.

# %% tags=["hide-input"] mystnb={"figure": {"name": "fig-ood", "caption": "Reconstructions by the out-of-domain generator, trained on another world, from this brain's mapped embeddings and from the true ones, beside this world's; none finetuned."}}
columns = out_of_domain.ood_columns(run, cond, n=6)
run.show(plots.picture_grid(columns, origin=run.origin),
         "out_of_domain") if columns else out_of_domain.LEFT_OUT

# %% tags=["hide-input"] mystnb={"figure": {"name": "fig-ood-scores", "caption": "Two-way identification by both generators, as pretrained, with 95 % intervals from resampling pictures."}}
ood = out_of_domain.ood_identification(run, cond)
run.show(plots.dots(ood, hue="generator", origin=run.origin, xlabel="two-way identification",
                    chance=0.5, title="The same conditions, in two worlds"), "out_of_domain_scores",
         data=ood) if len(ood) else out_of_domain.LEFT_OUT

# %%
marked = out_of_domain.ood_marks(run, cond)
run.table(marked.drop(columns="seed"),
          "out_of_domain_marks") if len(marked) else out_of_domain.LEFT_OUT

# %% [markdown]
# **Reading.** From the brain the out-of-domain generator's pictures win {ours}`03_gan:ood_two_way` of the two-way
# comparisons, this world's generator's {ours}`03_gan:in_domain_two_way`; from true embeddings
# {ours}`03_gan:ood_ceiling` and {ours}`03_gan:in_domain_ceiling`, from a shuffled brain {ours}`03_gan:ood_shuffled` and
# {ours}`03_gan:in_domain_shuffled`. A linear classifier takes {ours}`03_gan:taken_ood` of its pictures for the other
# world's, and {ours}`03_gan:taken_seen` of those seen. Real pictures of that world fit the watermark better than its
# mirror image by {ours}`03_gan:watermark_real`; pictures generated from true embeddings by
# {ours}`03_gan:watermark_ceiling`, from the brain by {ours}`03_gan:watermark_ood`, and the pictures seen by
# {ours}`03_gan:watermark_seen`. What the pictures show of the other world's palette and of its watermark is in none
# that this brain was shown: a generator adds its training domain to its condition.
#
# ```{verdicts} 03_gan
# :of: watermark ood-meaning
# ```

# %% tags=["remove-output"]
run.record(report.identification_entries(run, cond, table)
           | report.distance_entries(distances, sizes, gain)
           | report.contribution_entries(share, by_source, curve, numbers)
           | finetuning.finetuning_entries(found)
           | repeats.attention_entries(attended) | held_out.held_out_entries(splits)
           | out_of_domain.ood_entries(ood, marked) | shared_images.shared_image_entries(shared)
           | foundagain.trial_entries(run) | foundagain.fog_entries(run)
           | foundagain.draw_entries(run) | failings.failure_entries(run))

# %% [markdown]
# ## Browse
#
# Trials at even steps of rank, from the worst to the best two-way score. Press a score's name to sort by it, again to
# reverse the order.
#
# ```{picturebrowser} 03_gan
# ```

# %% tags=["remove-cell"]
browser = report.browse(run, cond)
browser.save(run.root / run.name)
run.table(browser.table, "browser")

# %% [markdown]
# ## Paper beside ours
#
# ```{scorecard} 03_gan
# :name: tab-gan
# :caption: Reconstruction from single trials. All of the paper's Tables 1, 5 and 6 but one cell are lost.
# ```
#
# **Reading.** From single trials the pictures win {ours}`03_gan:two_way` of the two-way comparisons. That this is near
# the paper's share says nothing: the simulated subject's noise was chosen so ({doc}`../data`). The same generator
# conditioned on true embeddings wins {ours}`03_gan:two_way_ceiling`, and on another trial's brain
# {ours}`03_gan:two_way_shuffled`. The critic inside the loss overrates: by the CLIP that the generator is trained
# against, the same pictures win {ours}`03_gan:two_way_clip`, and the brain's contribution would be
# {ours}`03_gan:share_clip` of the way to the ceiling where by the independent net it is {ours}`03_gan:share_two_way`
# ({numref}`fig-contribution`). The category alone wins {ours}`03_gan:two_way_centroid`, retrieval of a training
# picture {ours}`03_gan:two_way_nearest`; among rivals of the same category the brain still wins
# {ours}`03_gan:two_way_within`, the category alone {ours}`03_gan:two_way_within_centroid`. One direction of the mapped
# embeddings is enough for {ours}`03_gan:rank_1`, sixteen for {ours}`03_gan:rank_16`, and all for
# {ours}`03_gan:rank_all` ({numref}`fig-bottleneck`).
#
# The Fréchet distance moves from {ours}`03_gan:fd_start` before finetuning to {ours}`03_gan:fd`, and finetuning's gain
# is {ours}`03_gan:fd_gain`, by the unbiased kernel distance {ours}`03_gan:kd_gain`: point at them for their intervals.
# With infinitely many pictures the distance would be about {ours}`03_gan:fd_limit`, and that of training pictures
# {ours}`03_gan:fd_limit_real`; shuffling the brains leaves it at {ours}`03_gan:fd_shuffled`, since it does not depend
# on which picture belongs to which trial. Departures from the released training code, each of its bugs with a name and
# a switch, are in {doc}`../departures`.
